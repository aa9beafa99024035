#!/usr/bin/env python3
"""A drained worker hands back what it has not begun. usage: drain_test.py BIN_DIRECTORY

One worker holds all windows of a layer in one lease and is drained while it is at work: it finishes the windows it has
begun, the other worker makes the rest at once, nothing counts as a retry, no window is made twice, and the pixels are
those of the same job on a farm that was left alone.
"""
import pathlib
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

WINDOWS = 12  # of 16 frames each
SPEC = f"""api = "framemill/v1"
name = "drain"
show = "test"
shot = "sh10"
shot_range = "1-{16 * WINDOWS}"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "1-{16 * WINDOWS}"
plan = "independent"
steps = 60
seed = 11
format = "png"
chunk = {WINDOWS}
reproducibility = "exact"
"""


def wait_for(farm, job):
    farm.wait_until(lambda: farm.client.job(job)['state'] in ('done', 'failed', 'cancelled'), 300, f'job {job} is not over')
    assert (state := farm.client.job(job)['state']) == 'done', f'job {job} is {state}'


def samples(farm, job):
    return {row['frame']: row['samples_sha256'] for row in farm.client.frames(job) if row['kind'] == 'frame'}


def denoising(farm, job):
    return [a for a in farm.client.attempts(job) if a['phase'] == 'denoise']


def at_work(farm, worker):
    """The window that the worker is making, or None."""
    for entry in farm.client.workers():
        for slot in entry['slots'] if entry['name'] == worker else []:
            for lease in slot['leases']:
                if lease['phase'] == 'denoise' and lease['step'] > 0:
                    return lease['task']
    return None


def state_of(farm, worker):
    return next(w['state'] for w in farm.client.workers() if w['name'] == worker)


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-drain-') as directory:
        place = pathlib.Path(directory)
        farm = DemoFarm(pathlib.Path(sys.argv[1]), directory, directory)
        try:
            farm.set_up()
            farm.start()
            farm.run_cli('drain', 'w2')
            spec = place / 'drain.toml'
            spec.write_text(SPEC)
            job = farm.submit(spec=spec)
            farm.wait_until(lambda: (at_work(farm, 'w1') or 0) >= 1, 120, 'w1 has not begun its second window')
            farm.run_cli('undrain', 'w2')
            assert len(denoising(farm, job)) == 1, 'w1 does not hold all windows'

            asked = time.monotonic()
            farm.run_cli('drain', 'w1', '--reason', 'new driver')
            farm.wait_until(lambda: at_work(farm, 'w2') is not None, 60, 'w2 has not begun')
            farm.wait_until(lambda: state_of(farm, 'w1') == 'drained', 60, 'w1 has not come to rest')
            rested = time.monotonic() - asked
            wait_for(farm, job)
            first, second = sorted(denoising(farm, job), key=lambda a: a['granted'])
            assert (first['worker'], second['worker']) == ('w1', 'w2'), (first, second)
            kept, rest = first['tasks_committed'], second['tasks_committed']
            assert 1 <= kept < WINDOWS and kept + rest == WINDOWS, (first, second)
            assert first['outcome'] == second['outcome'] == 'ok', (first, second)
            totals = farm.client.job(job)
            assert totals['retries'] == 0 and totals['windows_run_twice'] == 0, totals
            left = [p for p in (farm.frames / '.framemill/attempts').iterdir()]
            print(f'w1 kept {kept} windows of {WINDOWS} and came to rest after {rested:.1f} s; w2 made the other {rest}; '
                  f'{len(left)} staging directories are left')

            again = farm.submit(spec=spec)
            wait_for(farm, again)
            assert len(denoising(farm, again)) == 1, 'the second job was to be left alone'
            made = samples(farm, job)
            assert len(made) == 16 * WINDOWS and made == samples(farm, again), 'the pixels differ'
            print('the same pixels as without the drain')
        finally:
            farm.processes.stop_all()


main()
