#!/usr/bin/env python3
"""Promise P4 on a whole farm. usage: pixels_test.py BIN_DIRECTORY

The same job cut into chunks of 1, 2 and 5 windows, on one, two and three workers, gives identical samples at `exact`; at
`stable` the independent windows, batched with whatever comes along, stay within 1/255; a subset of the frames of the same
shot range has the same pixels. A chain whose every window is made by another worker than the one before has them too.
"""
import pathlib
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "pixels"
show = "test"
shot = "sh10"
shot_range = "1-64"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "{board_frames}"
plan = "independent"
steps = 3
seed = 11
variants = {variants}
format = "png"
chunk = {chunk}
reproducibility = "{level}"

[[layer]]
name = "shot"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
input = [{{layer = "boards", variant = 1, frames = "9-16"}}]
frames = "{frames}"
plan = "chain"
steps = 3
seed = 12
chunk = {chunk}
reproducibility = "{level}"
"""


CHAIN = """api = "framemill/v1"
name = "pixels"
show = "test"
shot = "sh20"

[[layer]]
name = "shot"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "1-64"
plan = "chain"
steps = 40
seed = 12
chunk = 1
reproducibility = "exact"
"""


def make_chain(farm, directory, change_workers):
    """The samples of a chain of five windows, and who made them in turn. `change_workers`: who has begun a window is
    drained meanwhile and the other one is not, so that the next window goes there. (What has not begun a drained worker
    hands back.)"""
    spec = directory / 'chain.toml'
    spec.write_text(CHAIN)
    farm.run_cli('undrain', 'w1')
    farm.run_cli('undrain', 'w2')
    job, drained = farm.submit(spec=spec), None
    deadline = time.monotonic() + 300
    while (state := farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        at_work = [w['name'] for w in farm.client.workers() for slot in w['slots'] for lease in slot['leases']
                   if lease['phase'] == 'denoise' and lease['step'] > 0]
        if change_workers and len(at_work) == 1 and at_work[0] != drained:
            drained = at_work[0]
            farm.run_cli('undrain', 'w2' if drained == 'w1' else 'w1')
            farm.run_cli('drain', drained)
        time.sleep(0.05)
    assert state == 'done', f'job {job} is {state}'
    makers = [(a['granted'], a['worker']) for a in farm.client.attempts(job) if a['phase'] == 'denoise' and a['tasks_committed']]
    return samples({r['frame']: r for r in farm.client.frames(job) if r['kind'] == 'frame'}), [w for _, w in sorted(makers)]


def make(farm, directory, frames='1-64', board_frames='1-64', chunk=1, level='exact', variants=2):
    spec = directory / 'pixels.toml'
    spec.write_text(SPEC.format(frames=frames, board_frames=board_frames, chunk=chunk, level=level, variants=variants))
    job = farm.submit(spec=spec)
    deadline = time.monotonic() + 300
    while (state := farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        time.sleep(0.05)
    if state != 'done':
        subprocess.run(farm.cli('job', str(job)))
        raise AssertionError(f'job {job} is {state}')
    rows = {(r['layer'], r['variant'], r['frame']): r for r in farm.client.frames(job) if r['kind'] == 'frame'}
    workers = {a['worker'] for a in farm.client.attempts(job) if a['phase'] == 'denoise'}
    return rows, workers


def with_farm(binaries, workers, act):
    with tempfile.TemporaryDirectory(prefix='framemill-pixels-') as place:
        farm = DemoFarm(binaries, place, place, workers)
        try:
            farm.set_up()
            farm.start()
            return act(farm, pathlib.Path(place))
        finally:
            farm.processes.stop_all()


def samples(rows):
    return {key: row['samples_sha256'] for key, row in rows.items()}


def largest_difference(farm, a, b):
    """Largest difference of two PNG files in 8-bit steps."""
    decode = lambda path: subprocess.run(['ffmpeg', '-v', 'error', '-i', str(farm.frames / path), '-f', 'rawvideo', '-pix_fmt',
                                          'rgb24', '-'], check=True, capture_output=True).stdout
    first, second = decode(a['path']), decode(b['path'])
    assert len(first) == len(second) > 0
    return max(abs(x - y) for x, y in zip(first, second))


def main():
    binaries = pathlib.Path(sys.argv[1])
    made = {}

    def one(farm, place):
        made['chunks of 1 on one worker'], _ = make(farm, place, chunk=1)
        subset, _ = make(farm, place, frames='20-25', board_frames='5-16', chunk=1)
        whole = samples(made['chunks of 1 on one worker'])
        assert len(subset) == 6 + 2 * 12, len(subset)
        for key, digest in samples(subset).items():
            assert whole[key] == digest, f'{key}: a subset has other pixels'
        print('a subset of frames has the same pixels:', len(subset), 'of', len(subset))

    def two(farm, place):
        made['chunks of 2 on two workers'], workers = make(farm, place, chunk=2)
        assert len(workers) == 2, f'only {workers} made windows'
        exact, _ = make(farm, place, chunk=1)
        made['chunks of 1 on two workers'] = exact
        stable, _ = make(farm, place, chunk=2, level='stable', variants=4)
        boards = [key for key in exact if key[0] == 'boards']
        worst = max(largest_difference(farm, exact[key], stable[key]) for key in boards)
        print('stable against exact, independent windows: largest difference', worst, 'of 255')
        assert worst <= 1

        quiet, makers = make_chain(farm, place, change_workers=False)
        moved, movers = make_chain(farm, place, change_workers=True)
        print('a chain made by', ' '.join(makers), 'and by', ' '.join(movers))
        # A quick machine may finish a window before its first step is seen.
        assert len(movers) == 5 and sum(a != b for a, b in zip(movers, movers[1:])) >= 2, movers
        assert len(quiet) == 64 and moved == quiet, 'a change of worker changes pixels'

    def three(farm, place):
        made['chunks of 5 on three workers'], _ = make(farm, place, chunk=5)
        made['chunks of 1 on three workers'], _ = make(farm, place, chunk=1)

    with_farm(binaries, ('w1',), one)
    with_farm(binaries, ('w1', 'w2'), two)
    with_farm(binaries, ('w1', 'w2', 'w3'), three)
    reference = samples(made['chunks of 1 on one worker'])
    assert len(reference) == 3 * 64, len(reference)
    for name, rows in made.items():
        equal = sum(reference[key] == digest for key, digest in samples(rows).items())
        print(f'{name}: {equal} of {len(reference)} equal')
        assert samples(rows) == reference, name


main()
