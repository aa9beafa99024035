#!/usr/bin/env python3
"""scripts/demo end to end, with the programs that are built. usage: demo_test.py chaos|commands|signals BIN_DIRECTORY

chaos     the sample job at `exact`, once in peace and once with kill -9 on a worker and on the scheduler: equal pixels
commands  every command that the demo prints works where it was started and in the state it leaves behind, also in the
          default directory; a second run publishes v002
signals   SIGTERM in the middle stops everything; leftovers of a demo that got kill -9 are found and stopped
"""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from farm_processes import processes_of  # noqa: E402



def demo(binaries, *options):
    """As a user starts it, who stands somewhere else."""
    return [str(REPOSITORY / 'scripts/demo'), '--bin', str(binaries), *options]


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def run_demo(command, place):
    done = subprocess.run(command, capture_output=True, text=True, timeout=1100, cwd=place)
    print(done.stdout[-6000:], done.stderr[-3000:], flush=True)
    check(done.returncode == 0, f'exit status {done.returncode}')
    return done.stdout


def logs_of(directory):
    for log in sorted(directory.glob('*/logs/*.log')):
        print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-15:]))


def test_chaos(binaries, place):
    output = run_demo(demo(binaries, '--chaos'), place)
    verdict = re.search(r'verdict: frames (\d+)/(\d+), digests .* equal to the undisturbed run (\d+)/(\d+), .* '
                        r'doubled (\d+), tries charged (\d+), orphan processes (\d+)', output)
    check(verdict, 'no verdict was printed')
    frames, wanted, equal, expected, doubled, charged, orphans = map(int, verdict.groups())
    check(frames == wanted == equal == expected > 300, f'{frames} of {wanted} frames, {equal} of {expected} equal')
    check(doubled == charged == orphans == 0, f'{doubled} doubled, {charged} tries charged, {orphans} orphans')
    check('kill -9 worker' in output and 'kill -9 scheduler' in output, 'the log does not say what the kills hit')


def test_commands(binaries, place):
    directory = place / 'demo-farm'
    first = run_demo(demo(binaries), place)
    check((directory / 'cut.mp4').stat().st_size > 0 and (directory / 'sheet.png').stat().st_size > 0, 'no movie or no sheet')
    sums, prompt, keep, chaos = printed_commands(first)
    run_command(sums, place)
    check(' --prompt ' in prompt, prompt)
    second = run_demo(['bash', '-c', prompt], place)
    check('v002 beside v001' in second, 'the second run did not publish v002 beside v001')
    run_command(printed_commands(second)[0], place)
    # That one has a test of its own, which runs this very line.
    check(chaos == shlex.join(demo(binaries, '--chaos')), chaos)

    check(keep.endswith(' --keep'), keep)
    commands = printed_commands(run_demo(['bash', '-c', keep], place))
    check([c.split()[0] for c in commands if not c.startswith('FRAMEMILL_SERVER=')] == ['sha256sum', 'kill'], f'{commands}')
    for command in commands:
        run_command(command, place)
    deadline = time.monotonic() + 20
    while processes_of(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    check(not processes_of(directory), 'the printed command did not stop the farm')
    check((directory / 'farm').stat().st_mode & 0o777 == 0o700, 'the private directory is open to others')
    for name in ('token', 'scheduler.key', 'w1.key', 'tokens.toml'):
        check((directory / 'farm' / name).stat().st_mode & 0o077 == 0, f'{name} is open to others')
    manifest = json.loads((directory / 'manifest.json').read_text())
    check(len([f for f in manifest['files'] if f['frame'] is not None]) == 320, 'the manifest misses frames')
    # The farm's own, beside the frames of each layer and version: together they name the same files with the same digests.
    rows = lambda text: {(f['file'], f['sha256'], f['samples_sha256'], f['seed'], f['model']) for f in json.loads(text)['files']
                         if f['file'].endswith('.exr')}
    newest = next(f['file'].split('/')[-2] for f in manifest['files'] if f['file'].endswith('.exr'))
    beside = list((directory / 'frames').rglob(f'{newest}/manifest.json'))
    check(len(beside) == 3, f'{len(beside)} manifests beside the frames of three layers')
    named = set().union(*(rows(path.read_text()) for path in beside))
    whole = rows((directory / 'manifest.json').read_text())
    check(named == whole, f'the manifests beside the frames name other files: {sorted(named ^ whole)[:4]}')


def printed_commands(output):
    """All lines that stand below the facts with two blanks before them and are no path with what it is."""
    below = output[output.index('Check the files:'):]
    return [line.strip() for line in below.splitlines() if line.startswith('  ')]


def run_command(command, place):
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, timeout=60, cwd=place)
    check(done.returncode == 0, f'`{command}`: exit status {done.returncode}: {done.stderr}')


def wait_for_output(process, text, seconds=120):
    deadline = time.monotonic() + seconds
    seen = ''
    while text not in seen:
        line = process.stdout.readline()
        check(line and time.monotonic() < deadline, f'{text!r} was not printed: {seen}')
        seen += line


def test_signals(binaries, place):
    directory = place / 'a farm'
    start = lambda: subprocess.Popen(demo(binaries, '--out', 'a farm'), stdout=subprocess.PIPE, text=True, cwd=place)
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = start()
        wait_for_output(process, 'submitted')
        time.sleep(1)
        check(len(processes_of(directory)) >= 3, 'the farm is not up')
        process.send_signal(number)
        process.stdout.read()
        status = process.wait(timeout=60)
        if number == signal.SIGTERM:
            check(status == 130, f'exit status {status} after SIGTERM')
            check(not processes_of(directory), 'SIGTERM left processes behind')
    check(processes_of(directory), 'kill -9 of the demo should have left its daemons')
    process = start()
    wait_for_output(process, 'stopped what a killed demo had left running')
    wait_for_output(process, 'submitted')
    process.send_signal(signal.SIGHUP)
    process.stdout.read()
    check(process.wait(timeout=60) == 130, 'SIGHUP')
    check(not processes_of(directory), 'SIGHUP left processes behind')
    process = start()
    wait_for_output(process, 'scheduler at')
    process.stdout.close()  # as `| head` does
    check(process.wait(timeout=120) in (141, -signal.SIGPIPE), f'exit status {process.returncode} without a reader')
    check(not processes_of(directory), 'a reader that left leaves processes behind')


def main():
    name, binaries = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='framemill demo ') as place:
        place = pathlib.Path(place)
        try:
            globals()[f'test_{name}'](binaries, place)
        except BaseException:
            logs_of(place)
            raise
        finally:
            for pid in processes_of(place):
                os.kill(pid, signal.SIGKILL)
    print(f'{name}: good')


main()
