#!/usr/bin/env python3
"""What scripts/demo says and does before the farm starts, with everything slow or missing put in by the test.

The script runs from a copy of scripts/, so that a test can add lines to the copy's library: another os-release file, packages
that are missing, LibTorch that is there. `cmake` and `df` are small programs of the test's on PATH. Nothing of this can be
reached by an option or a variable of the real script.
"""
import contextlib
import io
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GOOD = 'have_torch() { true; }\nmissing_packages() { :; }\ninstall_packages() { echo all there; }\n'
CONFIGURES = 'case "$*" in *--build*) ;; *) exit 0 ;; esac\n'


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


class Copy:
    """A tree with the scripts alone, whose cmake does as it is told, and a place from where the demo is started."""

    def __init__(self, place, library=GOOD, cmake='exit 0\n', free_mb=100_000):
        self.place = pathlib.Path(place)
        self.tree, self.cwd, self.tools = self.place / 'a tree', self.place / 'somewhere else', self.place / 'tools'
        shutil.copytree(REPOSITORY / 'scripts', self.tree / 'scripts', ignore=shutil.ignore_patterns('__pycache__'))
        for directory in (self.cwd, self.tools):
            directory.mkdir()
        with open(self.tree / 'scripts/lib/bootstrap.sh', 'a') as file:
            file.write(library)
        self.tool('cmake', cmake)
        self.tool('df', f"echo 'Filesystem 1048576-blocks Used Available Capacity Mounted'\necho '/dev/x 1 1 {free_mb} 1% /'\n")
        (self.tree / 'scripts/lib/demo_farm.py').write_text('import sys\nprint("farm", sys.argv[1:])\n')
        self.environment = {**os.environ, 'PATH': f"{self.tools}:{os.environ['PATH']}"}

    def tool(self, name, text):
        path = self.tools / name
        path.write_text('#!/usr/bin/env bash\n' + text)
        path.chmod(0o755)

    def start(self, *options, **more):
        return subprocess.Popen([str(self.tree / 'scripts/demo'), *options], cwd=self.cwd, env=self.environment,
                                stdin=subprocess.DEVNULL, start_new_session=True, **more)

    def run(self, *options):
        process = self.start(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def files(self):
        return sorted(str(path.relative_to(self.place)) for path in self.place.rglob('*'))


def in_copy(act, **options):
    with tempfile.TemporaryDirectory(prefix='framemill-steps-') as place:
        act(Copy(place, **options))


def stops_untouched(copy, *said):
    before = copy.files()
    status, out, err = copy.run()
    check(status == 1, f'exit status {status}: {out}{err}')
    for words in said:
        check(words in err, f'{words!r} was not said: {err}')
    check(copy.files() == before, f'something was touched: {set(copy.files()) ^ set(before)}')
    return out


def test_another_system_is_told_and_nothing_is_touched():
    def act(copy):
        out = stops_untouched(copy, 'needs Debian 12', 'ubuntu 22.04', 'Nothing was changed')
        check('[1/' not in out, 'a step was begun')
    with tempfile.NamedTemporaryFile('w', suffix='os-release') as release:
        release.write('ID=ubuntu\nVERSION_ID="22.04"\n')
        release.flush()
        in_copy(act, library=GOOD + f"os_release='{release.name}'\n")
    in_copy(act=lambda copy: stops_untouched(copy, 'an unknown system'), library=GOOD + 'os_release=/nowhere\n')


def test_the_plan_is_printed_before_anything_is_touched_and_too_little_disk_stops():
    def act(copy):
        plan = stops_untouched(copy, 'Too little disk', '10 MB are free', 'Nothing was changed')
        for words in ('2 Debian packages, about 350 MB to download', 'ffmpeg-of-the-test', 'LibTorch', '545 MB to download',
                      'disk      about', 'time      about 8 min', '1 packages  2 LibTorch  3 configure  4 build  5 farm  6 job'):
            check(words in plan, f'{words!r} is not in the plan: {plan}')
    in_copy(act, free_mb=10, library='have_torch() { false; }\nmissing_packages() { echo ffmpeg-of-the-test; echo ninja-of-the-test; }\n')


def test_steps_come_in_order_after_the_plan_and_the_farm_is_started_with_the_programs():
    def act(copy):
        status, out, err = copy.run('--out', 'my demo', '--keep')
        check(status == 0, err)
        places = [out.find(words) for words in ('steps     1 packages', '[1/6] Debian packages  done in 0:', '[2/6] LibTorch  done',
                                                '[3/6] configure  done', '[4/6] build  done', 'build took', 'farm [')]
        check(-1 not in places and places == sorted(places), f'{places}: {out}')
        for words in ("'--bin', 'build/release/bin'", "'--out', 'my demo'", f"'--directory', '{copy.cwd}/my demo'",
                      f"'--tree', '{copy.tree}'", "'--keep'"):
            check(words in out, f'{words} is not among {out}')
        check((copy.cwd / 'my demo/logs/build.log').exists(), 'the output of a step is not in DIR/logs')
    in_copy(act)


def test_a_step_that_fails_names_cause_and_log():
    def act(copy):
        status, out, err = copy.run()
        check(status == 7, f'exit status {status}')
        check('[4/6] build failed (exit status 7)' in err, err)
        check('scheduler/main.cpp:3:1: error: boom' in err and '\x1b' not in err, err)
        log = pathlib.Path(re.search(r'the whole output: (.*)', err).group(1))
        check(log == copy.cwd / 'demo-farm/logs/build.log' and 'quite fine' in log.read_text(), str(log))
        check('farm [' not in out, 'the farm was started all the same')
    in_copy(act, cmake=CONFIGURES + r"echo quite fine; printf '\033[31mscheduler/main.cpp:3:1: error: boom\n'; exit 7" + '\n')

    def says_nothing_of_errors(copy):
        _, _, err = copy.run()
        check('the last words' in err, err)
    in_copy(says_nothing_of_errors, cmake=CONFIGURES + 'echo the last words; exit 7\n')


def running_below(place):
    """Pids that work below the directory."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / 'cwd').startswith(str(place)):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


# A build whose children have children, one of which does not listen to SIGTERM.
LONG_BUILD = CONFIGURES + """echo '[20/200] Building CXX object x.o'
(trap '' TERM; sleep 300) & (sleep 300 & wait) & wait
"""


def wait_for_build(copy, more=0):
    log = copy.cwd / 'demo-farm/logs/build.log'
    deadline = time.monotonic() + 60
    while not (log.exists() and 'Building' in log.read_text() and len(running_below(copy.place)) >= 5 + more):
        check(time.monotonic() < deadline, f'the build did not begin: {running_below(copy.place)}')
        time.sleep(0.05)


def test_a_signal_in_the_build_stops_all_that_was_started():
    def act(copy):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = copy.start(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            wait_for_build(copy)
            os.kill(process.pid, number)
            _, err = process.communicate(timeout=30)
            check(process.returncode == 130, f'{number!r}: exit status {process.returncode}')
            check('Stopped. Nothing of the demo is running.' in err, err)
            check(not running_below(copy.place), f'{number!r} left {running_below(copy.place)}')
            shutil.rmtree(copy.cwd / 'demo-farm')
    in_copy(act, cmake=LONG_BUILD)


def test_a_build_that_a_killed_demo_left_behind_is_stopped_and_a_second_demo_waits_for_nobody():
    def act(copy):
        process = copy.start(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_build(copy)
        status, _, err = copy.run()
        check(status == 1 and 'another demo is running in demo-farm' in err, f'{status}: {err}')
        process.kill()
        process.wait()
        left = set(running_below(copy.place))
        check(left, 'kill -9 should have left the build running')
        copy.tool('cmake', 'exit 0\n')
        status, out, err = copy.run()
        check(status == 0 and 'stopped a step that a killed run had left running' in out, f'{status}: {out}{err}')
        check(not left & set(running_below(copy.place)), 'the old build still runs')
    in_copy(act, cmake=LONG_BUILD)


def test_off_a_terminal_a_line_comes_every_ten_seconds():
    def act(copy):
        status, out, err = copy.run()
        check(status == 0, err)
        lines = re.findall(r'^\[4/6\] build .*$', out, re.MULTILINE)
        check(len(lines) >= 2 and re.match(r'\[4/6\] build 100/200  0:1\d, about 1\d s left$', lines[0]), f'{lines}')
    in_copy(act, cmake=CONFIGURES + "echo '[100/200] Building CXX object x.o'; sleep 12\n")


def test_on_a_terminal_the_line_is_redrawn_in_place():
    def act(copy):
        master, slave = pty.openpty()
        process = copy.start(stdout=slave, stderr=slave)
        os.close(slave)
        seen = b''
        while select.select([master], [], [], 60)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        os.close(master)
        check(process.wait(timeout=60) == 0, seen.decode())
        check(seen.count(b'\r\x1b[K[4/6] build 20/200  0:0') >= 3, seen.decode())
        check(b'\r\x1b[K[4/6] build  done in 0:0' in seen, seen.decode())
    in_copy(act, cmake=CONFIGURES + "echo '[20/200] Building CXX object x.o'; sleep 2.5\n")


def test_what_is_left_of_a_long_step_is_told_in_minutes():
    with tempfile.NamedTemporaryFile('w') as log:
        log.write('[1/212] x\n[143/212] Building CXX object y.o\n')
        log.flush()
        said = subprocess.run(['bash', '-c', '. scripts/lib/steps.sh; steps_total=6 steps_done=4; step_line build "$1" 190', '-',
                               log.name], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    check(said == '[4/6] build 143/212  3:10, about 2 min left', said)


def test_a_command_line_that_is_wrong_is_told_and_nothing_is_touched():
    def act(copy):
        before = copy.files()
        for options, words in ((('--chaos', '--keep'), 'leave --keep out'), (('--what',), 'unknown argument'),
                               (('--bin', 'nowhere'), 'there is no framemill in nowhere'), (('--out', 'a\nb'), 'control characters')):
            status, _, err = copy.run(*options)
            check(status == 2 and words in err, f'{options}: {status}: {err}')
        check(copy.files() == before, 'something was touched')
        status, out, _ = copy.run('--help')
        check(status == 0 and '--bin DIR' in out and 'set -euo' not in out, out)
    in_copy(act)


def test_printed_commands_can_be_typed_where_the_demo_was_started():
    sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
    import demo_farm
    for out, tree, built, wanted in (('demo-farm', '', '', ['scripts/demo']),
                                     ('my farm', '/a tree', '', ['/a tree/scripts/demo', '--out', 'my farm']),
                                     ('demo-farm', '/t', "b'n", ['/t/scripts/demo', '--bin', "b'n"])):
        arguments = types.SimpleNamespace(out=out, tree=tree, built=built, bin='build/release/bin')
        check(shlex.split(demo_farm.again(arguments)) == wanted, demo_farm.again(arguments))
        for keep in (False, True):
            said = report_of(demo_farm, arguments, keep)
            below = said[said.index('Check the files:'):]
            commands = [line.strip() for line in below.splitlines() if line.startswith('  ')]
            check(len(commands) == (5 if keep else 4), said)
            check(shlex.split(commands[0]) == ['sha256sum', '-c', f'{out}/SHA256SUMS'], commands[0])
            if keep:
                words = shlex.split(commands[1])
                check(words[1] == f'FRAMEMILL_TOKEN_FILE={out}/farm/token' and words[2].endswith('/framemill'), commands[1])
                check(out in shlex.split(commands[4].replace('$(', '').replace(')', ''))[2], commands[4])


def report_of(demo_farm, arguments, keep):
    class Client:
        def attempts(self, _job):
            return [{'usage': {'model_loads': 1, 'batch_max': 3, 'compute_us': 1_000_000}}]
    farm = types.SimpleNamespace(client=Client(), workers=['w1', 'w2'], named_directory=arguments.out, frames=REPOSITORY / 'scripts',
                                 named_bin=arguments.built or os.path.join(arguments.tree, arguments.bin),
                                 again=demo_farm.again(arguments), server='http://127.0.0.1:1')
    job = {'id': 1, 'name': 'n', 'state': 'done', 'version': 1, 'retries': 0, 'windows_run_twice': 0, 'started': '2026-11-22T09:00:00.000Z',
           'finished': '2026-11-22T09:00:10.000Z', 'layers': [{'windows': 6, 'frames': 96, 'kind': 'generate'}]}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        demo_farm.report(farm, job, [], keep)
    return said.getvalue()


def main():
    for name, test in list(globals().items()):
        if name.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in name):
            test()
            print('good:', name[5:].replace('_', ' '), flush=True)


main()
