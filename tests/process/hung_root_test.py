#!/usr/bin/env python3
"""A root whose storage hangs, on a whole farm of commands. usage: hung_root_test.py BIN_DIRECTORY

Needs root and a loop device (exit status 77, skipped, without them): root `slow` of worker w1 is a file system of its own
that is frozen in mid-job. Its work goes to w2 within a minute, work of w1 on another root goes on, what w1 still writes is
not published, and the root is used again after the thaw. Then w1 is stopped while the root hangs: it ends within its limit,
and another process of it can start before the thaw.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402
from farm_processes import start_time  # noqa: E402

SKIPPED = 77
DRAIN = 10  # of the demo farm
LIMIT = DRAIN + 10  # docs/OPERATIONS.md
PAINT = """#!/bin/sh
sleep 4
echo "by $WHO" > "$(printf "$2" "$1")"
"""
SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{{frame}}", "{{output}}"]
frames = "1-{count}"
chunk = 1
root = "{root}"
output = "{name}/v{{version:03}}/p.{{frame:04}}.txt"
"""


class Frozen:
    """An ext4 file system in a file, mounted, that can be frozen."""

    def __init__(self, place):
        self.mount = place / 'slow-w1'
        self.frozen = False
        self.mount.mkdir()
        image = place / 'image'
        with open(image, 'wb') as file:
            file.truncate(64 << 20)
        for command in (['mkfs.ext4', '-q', str(image)], ['mount', '-o', 'loop', str(image), str(self.mount)]):
            subprocess.run(command, check=True, capture_output=True)

    def freeze(self):
        subprocess.run(['fsfreeze', '-f', str(self.mount)], check=True)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            subprocess.run(['fsfreeze', '-u', str(self.mount)], check=True)
        self.frozen = False

    def close(self):
        self.thaw()
        subprocess.run(['umount', '-l', str(self.mount)], check=False)


def wait(condition, complaint, seconds):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, complaint() if callable(complaint) else complaint
        time.sleep(0.1)
    return found


def submit(farm, place, name, root, count):
    path = place / f'{name}.toml'
    path.write_text(SPEC.format(name=name, root=root, count=count))
    return farm.submit(spec=path)


def root_of(farm, worker, root):
    return next((r for w in farm.client.workers() if w['name'] == worker for r in w['roots'] if r['name'] == root), None)


def done(farm, job):
    return farm.client.job(job)['state'] == 'done'


def scenario(farm, place, slow):
    farm.start_worker('w1')
    wait(lambda: root_of(farm, 'w1', 'slow'), 'w1 has not joined', 60)
    held = submit(farm, place, 'held', 'slow', 1)
    wait(lambda: any(s['leases'] for w in farm.client.workers() for s in w['slots']), 'w1 has not begun', 30)
    slow.freeze()
    frozen = time.monotonic()
    farm.start_worker('w2')
    other = submit(farm, place, 'other', 'main', 2)  # w1 and w2 may both do it
    wait(lambda: not root_of(farm, 'w1', 'slow')['usable'], 'the root is not told as hanging', 60)
    assert 'does not answer' in root_of(farm, 'w1', 'slow')['problem']
    wait(lambda: done(farm, held), lambda: f'its work does not run elsewhere: {farm.client.job(held)}', 90)
    took = time.monotonic() - frozen
    print(f'  the work ran on another host {took:.0f} s after the freeze')
    assert (place / 'slow-w2/held/v001/p.0001.txt').read_text() == 'by w2\n'
    wait(lambda: done(farm, other), lambda: f'work of the other root is held up: {farm.client.job(other)}', 60)
    slow.thaw()
    wait(lambda: root_of(farm, 'w1', 'slow')['usable'], 'the root is not used again', 60)
    time.sleep(3)
    assert not (slow.mount / 'held').exists(), 'what the frozen host wrote late is never published'
    attempts = farm.client.attempts(held)
    assert sorted(a['outcome'] for a in attempts) == ['ok', 'worker_lost'], attempts
    assert farm.client.job(held)['retries'] == 0, 'nothing was charged'


def stopping(farm, place, slow):
    farm.processes.kill('w2')
    held = submit(farm, place, 'stopped', 'slow', 1)
    wait(lambda: any(s['leases'] for w in farm.client.workers() if w['name'] == 'w1' for s in w['slots']),
         'w1 has not begun', 60)
    time.sleep(1)  # the program sleeps for 4 s, then writes
    slow.freeze()
    stopped = farm.processes.running.pop('w1')
    stopped.send_signal(signal.SIGTERM)
    began = time.monotonic()
    # With a thread that waits for the storage the kernel keeps it, as a zombie, until the thaw.
    wait(lambda: start_time(stopped.pid) is None, 'the worker does not end', LIMIT + 10)
    print(f'  the worker ended {time.monotonic() - began:.1f} s after SIGTERM; the limit is {LIMIT} s')
    farm.start_worker('w1')
    other = submit(farm, place, 'after', 'main', 1)
    wait(lambda: done(farm, other), lambda: f'no worker goes on: {farm.client.job(other)}', 90)
    slow.thaw()
    stopped.wait(30)
    wait(lambda: done(farm, held), lambda: f'the held work is lost: {farm.client.job(held)}', 120)
    assert farm.client.job(held)['retries'] == 0, 'nothing was charged'


def main():
    if os.geteuid() != 0:
        print('skipped: only root can freeze a file system')
        return SKIPPED
    binaries = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix='framemill-hung-', ignore_cleanup_errors=True) as temporary:
        place = pathlib.Path(temporary).resolve()
        try:
            slow = Frozen(place)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f'skipped: no loop device: {error}')
            return SKIPPED
        farm = DemoFarm(binaries, str(place), str(place), ('w1', 'w2'))
        paint = place / 'paint.sh'
        paint.write_text(PAINT)
        paint.chmod(0o755)
        (place / 'slow-w2').mkdir()
        marker = 'name = "slow"\nid = "00112233445566778899aabbccddeeff"\n'  # one tree, as far as the farm can tell
        for tree in ('slow-w1', 'slow-w2'):
            (place / tree / '.framemill-root').write_text(marker)
        try:
            farm.set_up()
            for name in ('w1', 'w2'):
                os.environ['WHO'] = name
                toml = (farm.private / f'{name}.toml').read_text()
                assert f'drain_timeout = "{DRAIN}s"' in toml
                toml = toml.replace('[roots]\n', f'environment = ["WHO"]\n[roots]\nslow = {json.dumps(str(place / f"slow-{name}"))}\n')
                farm.write_private(f'{name}.toml', toml + f'[commands]\npaint = {json.dumps(str(paint))}\n'
                                 '[confinement]\nmode = "best_effort"\n')
            start = farm.start_worker

            def start_named(name):
                os.environ['WHO'] = name
                start(name)
            farm.start_worker = start_named
            farm.start_scheduler()
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            scenario(farm, place, slow)
            stopping(farm, place, slow)
        except BaseException:
            for log in sorted(farm.logs.glob('*.log')):
                print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-20:]), file=sys.stderr)
            raise
        finally:
            slow.thaw()
            farm.processes.stop_all()
            slow.close()
    print('a root that hangs holds up nothing else, its work goes to another host, and its worker can be stopped')
    return 0


sys.exit(main())
