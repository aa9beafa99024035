#!/usr/bin/env python3
"""The demo's farm end to end. usage: demo_test.py chaos|commands|signals BIN_DIRECTORY

chaos     the sample job at `exact`, once in peace and once with kill -9 on a worker and on the scheduler: equal pixels
commands  every command that the demo prints works in the state it leaves behind; a second run publishes v002
signals   SIGTERM in the middle stops everything; leftovers of a demo that got kill -9 are found and stopped
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from farm_processes import processes_of  # noqa: E402

DRIVER = REPOSITORY / 'scripts/lib/demo_farm.py'


def demo(binaries, directory, *options):
    return [sys.executable, str(DRIVER), '--bin', str(binaries), '--out', str(directory), '--directory', str(directory), *options]


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def run_demo(binaries, directory, *options):
    done = subprocess.run(demo(binaries, directory, *options), capture_output=True, text=True, timeout=900)
    print(done.stdout[-6000:], done.stderr[-3000:], flush=True)
    check(done.returncode == 0, f'exit status {done.returncode}')
    return done.stdout


def logs_of(directory):
    for log in sorted((directory / 'logs').glob('*.log')):
        print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-15:]))


def of_this_demo(_binaries, directory):
    """Pids of what was started for this directory, the driver itself left out."""
    driver = str(DRIVER)
    return [pid for pid in processes_of(directory) if driver not in command_line(pid)]


def command_line(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().decode(errors='replace')
    except OSError:
        return ''


def test_chaos(binaries, directory):
    output = run_demo(binaries, directory, '--chaos')
    verdict = re.search(r'verdict: frames (\d+)/(\d+), digests .* equal to the undisturbed run (\d+)/(\d+), .* '
                        r'doubled (\d+), orphan processes (\d+)', output)
    check(verdict, 'no verdict was printed')
    frames, wanted, equal, expected, doubled, orphans = map(int, verdict.groups())
    check(frames == wanted == equal == expected > 300, f'{frames} of {wanted} frames, {equal} of {expected} equal')
    check(doubled == 0 and orphans == 0, f'{doubled} doubled, {orphans} orphans')
    check('kill -9 worker' in output and 'kill -9 scheduler' in output, 'the log does not say what the kills hit')


def test_commands(binaries, directory):
    first = run_demo(binaries, directory, '--prompt', 'snowy hills at dusk, red boat moving left')
    commands = printed_commands(first)
    check(any(c.startswith('sha256sum') for c in commands), 'the check of the files is not printed')
    for command in commands:
        if not command.startswith('scripts/demo'):  # those start a whole demo; this test is one
            run_command(command)
    second = run_demo(binaries, directory, '--keep')
    check('v002 beside v001' in second, 'the second run did not publish v002 beside v001')
    commands = printed_commands(second)
    check(any(c.startswith('kill ') for c in commands), 'how to stop the farm is not printed')
    for command in commands:
        run_command(command)
    deadline = time.monotonic() + 20
    while of_this_demo(binaries, directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    check(not of_this_demo(binaries, directory), 'the printed command did not stop the farm')
    check((directory / 'farm').stat().st_mode & 0o777 == 0o700, 'the private directory is open to others')
    for name in ('token', 'scheduler.key', 'w1.key', 'tokens.toml'):
        check((directory / 'farm' / name).stat().st_mode & 0o077 == 0, f'{name} is open to others')
    manifest = json.loads((directory / 'manifest.json').read_text())
    check(len([f for f in manifest['files'] if f['frame'] is not None]) == 320, 'the manifest misses frames')


def printed_commands(output):
    return [line.strip() for line in output.splitlines()
            if re.match(r'  (sha256sum|FRAMEMILL_SERVER=|kill |scripts/demo)', line)]


def run_command(command):
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, timeout=60, cwd=REPOSITORY)
    check(done.returncode == 0, f'`{command}`: exit status {done.returncode}: {done.stderr}')


def wait_for_output(process, text, seconds=120):
    deadline = time.monotonic() + seconds
    seen = ''
    while text not in seen:
        line = process.stdout.readline()
        check(line and time.monotonic() < deadline, f'{text!r} was not printed: {seen}')
        seen += line


def test_signals(binaries, directory):
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen(demo(binaries, directory), stdout=subprocess.PIPE, text=True)
        wait_for_output(process, 'submitted')
        time.sleep(1)
        check(len(of_this_demo(binaries, directory)) >= 3, 'the farm is not up')
        process.send_signal(number)
        process.stdout.read()
        status = process.wait(timeout=60)
        if number == signal.SIGTERM:
            check(status == 130, f'exit status {status} after SIGTERM')
            check(not of_this_demo(binaries, directory), 'SIGTERM left processes behind')
    check(of_this_demo(binaries, directory), 'kill -9 of the demo should have left its daemons')
    process = subprocess.Popen(demo(binaries, directory), stdout=subprocess.PIPE, text=True)
    wait_for_output(process, 'stopped what a killed demo had left running')
    wait_for_output(process, 'submitted')
    process.send_signal(signal.SIGHUP)
    process.stdout.read()
    check(process.wait(timeout=60) == 130, 'SIGHUP')
    check(not of_this_demo(binaries, directory), 'SIGHUP left processes behind')


def main():
    name, binaries = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='framemill-demo-') as place:
        directory = pathlib.Path(place)
        try:
            globals()[f'test_{name}'](binaries, directory)
        except BaseException:
            logs_of(directory)
            raise
        finally:
            for pid in of_this_demo(binaries, directory):
                os.kill(pid, signal.SIGKILL)
    print(f'{name}: good')


main()
