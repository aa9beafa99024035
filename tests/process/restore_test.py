#!/usr/bin/env python3
"""A backup is restored while workers know more. usage: restore_test.py BIN_DIRECTORY

They are shown with the reason and get nothing, also when the restored store's numbers have passed theirs; once the
operator accepts the loss they follow by themselves, without a restart, and work. A worker with a wrong key of the
scheduler, or one that nobody has listed, is named by its own check.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "%s"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}"]
frames = "1-3"
chunk = 1
check = "none"
output = "%s/v{version:03}/p.{frame:04}.txt"
"""
PAINT = """#!/bin/sh
echo "frame $1" > "$(printf "$2" "$1")"
"""


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


def submit(farm, name):
    spec = farm.directory / f'{name}.toml'
    spec.write_text(SPEC % (name, name))
    return farm.submit(spec=spec)


def is_done(farm, job):
    return farm.client.job(job)['state'] == 'done'


def only_worker(farm):
    [worker] = farm.client.workers()
    return worker


def of_lost_history(farm):
    worker = only_worker(farm)
    return [c for c in worker.get('conditions') or [] if c['code'] == 'host.history']


def stop_scheduler(farm):
    process = farm.processes.running.pop('scheduler')
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, 'the scheduler did not stop well'


def start_scheduler(farm):
    farm.start_scheduler()
    farm.wait_until(farm.client.ready, 30, 'the scheduler is not ready')


def maintain(farm, *arguments):
    done = subprocess.run([str(farm.bin / 'framemill-scheduler'), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done


def drill(farm):
    store = farm.private / 'data' / 'jobs.db'
    first = submit(farm, 'before')
    until(lambda: is_done(farm, first), 60, 'the first job is not done')
    maintain(farm, 'backup', '--config', str(farm.private / 'scheduler.toml'))
    [copy] = (farm.private / 'data' / 'backups').glob('jobs-*.db')
    lost = submit(farm, 'after')
    until(lambda: is_done(farm, lost), 60, 'the second job is not done')
    time.sleep(1)  # the worker hears of its end
    incarnation = farm.processes.running['w1'].pid

    stop_scheduler(farm)
    maintain(farm, 'restore', str(copy), str(store), '--reason', 'drill')
    start_scheduler(farm)
    [condition] = until(lambda: of_lost_history(farm), 30, 'a worker of lost history is not shown')
    assert 'lost history' in condition['message'] and 'new-era' in condition['message'], condition
    assert not any(slot['usable'] for slot in only_worker(farm)['slots'])
    said = subprocess.run(farm.cli('workers'), capture_output=True, text=True)
    assert 'host.history' in said.stdout, said

    # The store does not know that version 2 was used; its files are there.
    skipped = submit(farm, 'after')
    assert farm.client.job(skipped)['version'] == 3, farm.client.job(skipped)['version']

    # The restored store makes more batches than were lost: a count alone would find nothing wrong any more.
    waiting = [skipped] + [submit(farm, f'more{i}') for i in range(30)]
    time.sleep(12)  # the worker has reported twice since
    assert of_lost_history(farm), 'a worker is let in because the numbers have passed its own'
    assert not any(is_done(farm, job) for job in waiting), 'a worker of lost history was given work'

    stop_scheduler(farm)
    maintain(farm, 'new-era', str(store), '--reason', 'drill')
    start_scheduler(farm)
    until(lambda: all(is_done(farm, job) for job in waiting), 90, 'the worker does not follow the new era')
    assert not of_lost_history(farm)
    assert farm.processes.running['w1'].pid == incarnation and farm.processes.running['w1'].poll() is None
    # Another start within that era is no loss.
    stop_scheduler(farm)
    start_scheduler(farm)
    again = submit(farm, 'again')
    until(lambda: is_done(farm, again), 60, 'a restart within the era is taken for a loss')


def check_link(farm, config):
    return subprocess.run([str(farm.bin / 'framemill-worker'), '--check-config', '--check-link', '--config', str(config)],
                          capture_output=True, text=True, timeout=60)


def links_are_checked(farm):
    config = farm.private / 'w1.toml'
    done = check_link(farm, config)
    assert done.returncode == 0 and 'it lets this worker in' in done.stdout, done
    farm.run_cli('keys', 'curve', str(farm.private / 'other.key'))
    text = config.read_text()
    farm.write_private('wrong.toml', text.replace('scheduler.key.pub', 'other.key.pub'))
    done = check_link(farm, farm.private / 'wrong.toml')
    assert done.returncode == 78 and 'link.not_trusted' in done.stderr, done
    doctor = subprocess.run(farm.cli('doctor', '--config', str(farm.private / 'wrong.toml')), capture_output=True,
                            text=True)
    assert doctor.returncode == 78 and 'link.not_trusted' in doctor.stdout, doctor
    farm.write_private('unlisted.toml', text.replace('"w1.key"', '"other.key"'))
    done = check_link(farm, farm.private / 'unlisted.toml')
    assert done.returncode == 78 and 'link.refused' in done.stderr, done
    until(lambda: 'it is not among the workers' in (farm.logs / 'scheduler.log').read_text(), 10,
          'the scheduler does not log a key that it refused')


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-restore-') as temporary:
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        paint = farm.directory / 'paint.sh'
        paint.write_text(PAINT)
        paint.chmod(0o755)
        farm.set_up()
        with open(farm.private / 'w1.toml', 'a') as config:
            config.write(f'[commands]\npaint = {json.dumps(str(paint))}\n[confinement]\nmode = "best_effort"\n')
        try:
            start_scheduler(farm)
            farm.start_worker('w1')
            until(lambda: farm.client.workers(), 30, 'the worker has not joined')
            drill(farm)
            links_are_checked(farm)
        finally:
            farm.processes.stop_all()


main()
