#!/usr/bin/env python3
"""What the records of attempts tell over HTTP. usage: attempts_test.py BIN_DIRECTORY

Two jobs of one show on one slot: the records say that one batch held windows of both, how large the batches were, which
device worked, and which files were written and read. After kill -9 of the scheduler they say the same.
"""
import hashlib
import pathlib
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"
shot_range = "1-8"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
steps = 30
seed = 11
format = "png"
chunk = 1
"""


def submit(farm, place, name):
    spec = place / f'{name}.toml'
    spec.write_text(SPEC.format(name=name))
    return farm.submit(spec=spec)


def wait_for(farm, job):
    deadline = time.monotonic() + 300
    while (state := farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        time.sleep(0.05)
    assert state == 'done', f'job {job} is {state}'


def facts(farm, job):
    """What the job and its attempts say, and must say again after a restart."""
    totals = farm.client.job(job)
    return ({key: totals[key] for key in ('attempts', 'model_loads', 'retries', 'windows_run_twice', 'device_us')},
            farm.client.attempts(job))


def check_batches(attempts, mate):
    """One batch held windows of both jobs: at least one attempt had windows of the other one beside its own."""
    shared = [a for a in attempts if a['phase'] == 'denoise' and any(m.startswith(f'{mate}/') for m in a['usage']['batch_mates'])]
    assert shared, f'no attempt shared a batch with job {mate}: {[a["usage"] for a in attempts]}'
    for attempt in shared:
        usage = attempt['usage']
        sizes = usage['batch_sizes']
        assert max(size['windows'] for size in sizes) == usage['batch_max'] > 1, usage
        assert [s['windows'] for s in sizes] == sorted({s['windows'] for s in sizes}), usage
        assert sum(size['calls'] for size in sizes) == usage['steps'] == 30, usage
        assert 0 < usage['compute_us'] <= usage['wall_us'], usage
    return max(a['usage']['batch_max'] for a in shared)


def check_files(farm, attempts):
    for attempt in attempts:
        assert attempt['devices'] == ['cpu0'], attempt['devices']
        assert attempt['worker'] == 'w1' and attempt['tasks_committed'] == 1 and attempt['device_class'], attempt
        written, read = attempt['files_written'], attempt['files_read']
        assert written['count'] >= len(written['first']) == min(written['count'], 16) > 0, written
        if attempt['phase'] == 'denoise':
            assert read == {'count': 0, 'first': []}, read
            continue
        assert read['count'] == 1 and read['first'][0]['sha256'], read  # its latents
        assert written['count'] == 8, written
        for file in written['first']:
            content = (farm.frames / file['path']).read_bytes()
            assert len(content) == file['size_bytes'], file
            assert hashlib.sha256(content).hexdigest() == file['sha256'], file


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-attempts-') as directory:
        place = pathlib.Path(directory)
        farm = DemoFarm(pathlib.Path(sys.argv[1]), directory, directory, ('w1',))
        try:
            farm.set_up()
            farm.start()
            first, second = submit(farm, place, 'first'), submit(farm, place, 'second')
            for job in (first, second):
                wait_for(farm, job)
            before = {job: facts(farm, job) for job in (first, second)}
            largest = [check_batches(before[first][1], second), check_batches(before[second][1], first)]
            for job in (first, second):
                check_files(farm, before[job][1])
            print(f'windows of jobs {first} and {second} in one batch; the largest batches had {largest} windows')

            farm.processes.kill('scheduler')
            farm.start_scheduler()
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            for job in (first, second):
                assert facts(farm, job) == before[job], f'job {job} says something else after the restart'
            print('the same facts after kill -9 of the scheduler')
        finally:
            farm.processes.stop_all()


main()
