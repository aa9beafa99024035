#!/usr/bin/env python3
"""Small models of the Wan family, from a download to frames. usage: wan_test.py BIN_DIRECTORY

Directories as people download them, with random weights, become packages by `framemill model import`: text to video as a
directory and as single files with the authors' names, 2.2 5B, two experts. Jobs with free text, a size and a window length
of their own run on two workers. kill -9 of a worker in the middle changes no pixel; neither does the naming of the files.
A chain of the 5B model begins with a frame of another layer."""
import pathlib
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm, toml_text  # noqa: E402
from wan_weights import write_model, write_single_files  # noqa: E402

LAYOUTS = REPOSITORY / 'tests/data/wan/layouts'

SHOT = """api = "framemill/v1"
name = "wan"
show = "test"
shot = "sh10"

[[layer]]
name = "take"
kind = "generate"
model = "{model}"
prompt = "a slow wave, morning light (no such words in any list)"
negative_prompt = "storm"
frames = "1-{frames}"
plan = "independent"
size = "{size}"
window = {window}
steps = {steps}
seed = 7
format = "png"
chunk = 1
reproducibility = "{level}"
"""

CHAIN = """api = "framemill/v1"
name = "chain"
show = "test"
shot = "sh20"

[[layer]]
name = "board"
kind = "generate"
model = "small-t2v@1"
prompt = "a ship"
frames = "1-9"
plan = "independent"
size = "64x64"
window = 9
steps = 2
seed = 3
format = "png"

[[layer]]
name = "shot"
kind = "generate"
model = "small-5b@1"
prompt = "a ship in a storm"
input = [{layer = "board", frames = "9"}]
frames = "1-16"
plan = "chain"
size = "64x64"
window = 9
steps = 4
seed = 5
format = "png"
reproducibility = "exact"
"""


class WanFarm(DemoFarm):
    """The demo's farm, with packages of its own."""

    def __init__(self, binaries, directory):
        super().__init__(binaries, directory, directory)
        self.models = self.directory / 'models'
        self.models.mkdir(exist_ok=True)

    def set_up(self):
        super().set_up()
        for path in self.private.glob('*.toml'):
            text = path.read_text().replace(toml_text(REPOSITORY / 'models'), toml_text(self.models))
            self.write_private(path.name, text)

    def import_model(self, name, *sources):
        done = subprocess.run([str(self.bin / 'framemill'), 'model', 'import', *map(str, sources), '--name', name, '--into',
                               str(self.models), '--compute', 'f32'], capture_output=True, text=True)
        assert done.returncode == 0, f'import of {name}: {done.stdout}{done.stderr}'


def finished(farm, spec_text, meanwhile=None):
    """The samples of the job's frames; `meanwhile` is called with its leases until it returns true."""
    spec = farm.directory / 'job.toml'
    spec.write_text(spec_text)
    job, acted = farm.submit(spec=spec), meanwhile is None
    deadline = time.monotonic() + 300
    while (state := farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        acted = acted or meanwhile()
        time.sleep(0.02)
    if state != 'done':
        subprocess.run(farm.cli('job', str(job)))
        subprocess.run(farm.cli('diagnose', str(job)))
        raise AssertionError(f'job {job} is {state}')
    assert acted, 'the job was over before anything was done to it'
    rows = [row for row in farm.client.frames(job) if row['kind'] == 'frame']
    return job, {(row['layer'], row['frame']): row for row in rows}


def samples(rows):
    return {key: row['samples_sha256'] for key, row in rows.items()}


def kill_a_worker_at_work(farm):
    """kill -9 of a worker that is in the middle of a window; it comes back. True once it was done."""
    for worker in farm.client.workers():
        for slot in worker['slots']:
            if any(lease['phase'] == 'denoise' and lease['step'] > 0 for lease in slot['leases']):
                farm.processes.kill(worker['name'])
                farm.start_worker(worker['name'])
                return True
    return False


def picture_size(path):
    header = path.read_bytes()[16:24]
    return int.from_bytes(header[:4], 'big'), int.from_bytes(header[4:], 'big')


def pixels_whatever_the_naming_and_the_kills(farm):
    shot = dict(frames=45, size='64x32', window=9, steps=40, level='exact')
    _, quiet = finished(farm, SHOT.format(model='small-t2v@1', **shot))
    assert len(quiet) == 45, len(quiet)
    assert len(set(samples(quiet).values())) == 45, 'frames that are equal'
    assert picture_size(farm.frames / quiet['take', 1]['path']) == (64, 32)
    job, killed = finished(farm, SHOT.format(model='small-t2v@1', **shot), lambda: kill_a_worker_at_work(farm))
    assert samples(killed) == samples(quiet), 'a killed worker changes pixels'
    attempts = farm.client.attempts(job)
    print('kill -9 in the middle: 45 of 45 frames equal, attempts:', len(attempts))
    _, original = finished(farm, SHOT.format(model='small-t2v-files@1', **shot))
    assert samples(original) == samples(quiet), 'the naming of the files changes pixels'
    print("the authors' names: 45 of 45 frames equal")
    _, other = finished(farm, SHOT.format(model='small-t2v@1', **(shot | dict(window=13, frames=13))))
    assert samples(other)['take', 1] != samples(quiet)['take', 1]


def two_experts_take_turns(farm):
    shot = dict(model='small-a14b@1', frames=9, size='32x32', window=9, steps=8, level='stable')
    _, rows = finished(farm, SHOT.format(**shot))
    _, again = finished(farm, SHOT.format(**shot))
    assert len(rows) == 9 and samples(rows) == samples(again)
    print('two experts: 9 frames, twice the same')


def a_chain_begins_with_a_frame(farm):
    _, rows = finished(farm, CHAIN)
    shot = {key: row for key, row in rows.items() if key[0] == 'shot'}
    assert len(shot) == 16, len(shot)
    _, again = finished(farm, CHAIN)
    assert samples(again) == samples(rows), 'a chain is not the same twice'
    print('a chain of the 5B model from a frame of another layer: 16 frames, twice the same')


def bad_orders_are_refused(farm):
    for change, code in ((dict(size='40x32'), 'size'), (dict(window=10), 'window')):
        spec = farm.directory / 'bad.toml'
        shot = dict(model='small-t2v@1', frames=9, size='32x32', window=9, steps=2, level='stable') | change
        spec.write_text(SHOT.format(**shot))
        done = subprocess.run(farm.cli('submit', str(spec), '-q'), capture_output=True, text=True)
        assert done.returncode != 0 and code in done.stderr, done.stderr
    print('a size and a length that the package does not make are refused at submit')


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-wan-') as place:
        place = pathlib.Path(place)
        farm = WanFarm(pathlib.Path(sys.argv[1]), place / 'farm')
        downloads = place / 'downloads'
        downloads.mkdir()
        for layout, name in (('small-t2v', 'small-t2v@1'), ('small-ti2v-5b', 'small-5b@1'), ('small-t2v-a14b', 'small-a14b@1')):
            write_model(LAYOUTS / layout, downloads / layout)
            farm.import_model(name, downloads / layout)
        write_single_files(LAYOUTS / 'small-t2v', downloads / 'files')
        farm.import_model('small-t2v-files@1', downloads / 'files')
        try:
            farm.set_up()
            farm.start()
            for act in (bad_orders_are_refused, pixels_whatever_the_naming_and_the_kills, two_experts_take_turns,
                        a_chain_begins_with_a_frame):
                act(farm)
        finally:
            farm.processes.stop_all()


main()
