#!/usr/bin/env python3
"""The recipes of docs/job-spec.md, each submitted as it stands there to a whole farm. usage: recipes_test.py BIN_DIRECTORY

A first job makes what they go on from: boards and a shot of hb_0010. The plates are small PNGs of known colours.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm, toml_text  # noqa: E402

FIRST = """api = "framemill/v1"
name = "first"
show = "harbor"
shot = "hb_0010"

[[layer]]
name = "sheet"  # before what it shows: the order of layers does not matter
kind = "sheet"
input = [{layer = "boards"}, {root = "plates", pattern = "hb_0010.{frame:04}.png", frames = "1001-1004", name = "scan"}]
every = 2

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "red boat moving right"
frames = "1-16"
variants = 2

[[layer]]
name = "comp"
kind = "generate"
model = "demo-clips@1"
prompt = "red boat moving right"
plan = "chain"
reproducibility = "exact"
shot_range = "1001-1040"  # its own: the job's would be the span of all layers, from frame 1
"""

ECHO = """#!/bin/sh
out="$1"; shift
printf '%s\\n' "$@" > "$out"
"""

# The arguments of each task, one file each.
TOLD = """api = "framemill/v1"
name = "told"
show = "harbor"
sequence = "hb"
shot = "hb_0030"

[[layer]]
name = "lists"
kind = "command"
argv = ["echo", "{output}", "{frames}", "{chunk_first}", "{TOP.width/2}x0", '{"take": 2}']
frames = "1-3,90,99"
task = "all"
check = "none"
output = "told/{layer}.txt"

[[layer]]
name = "words"
kind = "command"
argv = ["echo", "{output}", "{frame:06} {input:plate}", "{input:0}", "{show} {sequence} {shot} {layer} v{version:03} {job}"]
frames = "1001"
check = "none"
output = "told/{layer}.txt"
input = [{root = "plates", pattern = "hb_0010.{frame:04}.png", frames = "1001"},
         {root = "plates", pattern = "kite.{frame:04}.png", frames = "1001", name = "plate"}]
"""


def recipes():
    """name -> TOML, as the page has them."""
    text = (REPOSITORY / 'docs/job-spec.md').read_text()
    found = dict(re.findall(r'```toml recipe=(\w+)\n(.*?)```', text, re.S))
    assert set(found) == {'continue', 'retake', 'grade', 'over', 'prores', 'shots'}, set(found)
    return found


class Test:
    def __init__(self, farm, place):
        self.farm, self.place = farm, place
        self.plates = place / 'plates'

    def said(self, *arguments, status=0):
        done = subprocess.run(self.farm.cli(*arguments), capture_output=True, text=True)
        assert done.returncode == status, f'{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}'
        return done.stdout + done.stderr

    def done(self, text, *settings):
        spec = self.place / 'spec.toml'
        spec.write_text(text)
        sets = [word for setting in settings for word in ('--set', setting)]
        job = int(self.farm.run_cli('submit', str(spec), '-q', *sets).strip().splitlines()[-1])
        done = subprocess.run(self.farm.cli('wait', str(job)), capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, self.said('job', str(job))
        return job

    def rows(self, job, layer):
        return {row['frame']: row for row in self.farm.client.frames(job) if row['layer'] == layer}

    def samples(self, job, layer):
        return {frame: row['samples_sha256'] for frame, row in self.rows(job, layer).items()}

    def pixel(self, path):
        """The colour in the middle of a picture."""
        raw = subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-i', str(path), '-vf', 'crop=1:1', '-f', 'rawvideo', '-pix_fmt',
                              'rgb24', '-frames:v', '1', '-'], capture_output=True, check=True).stdout
        return tuple(raw[:3])

    def make_plates(self):
        self.plates.mkdir()
        (self.plates / '.framemill-root').write_text('name = "plates"\n')
        for frame in range(1001, 1011):
            for name, colour in (('hb_0010', f'0x{frame % 100 + 60:02x}4060'), ('kite', 'red@0.0')):
                subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
                                f'color=c={colour}:s=64x64,format=rgba', '-frames:v', '1', '-update', '1',
                                str(self.plates / f'{name}.{frame:04}.png')], check=True)

    def check_sheet(self, sheet):
        raw = subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-i', str(sheet), '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
                             capture_output=True, check=True).stdout
        shown = [frame for frame in (1001, 1003) if self.plate_colour(frame) * 32 in raw]
        assert shown == [1001, 1003], f'the sheet shows the plates of a root: {shown}'

    def plate_colour(self, frame):
        return bytes(self.pixel(self.plates / f'hb_0010.{frame}.png'))

    def check_retake(self, first):
        # `stable`, the default, allows 1/255 beside other batch mates.
        retake = self.done(self.recipes['retake'], 'layer.comp.reproducibility=exact')
        old, new = self.samples(first, 'comp'), self.samples(retake, 'comp')
        assert sorted(new) == list(range(1011, 1021)), sorted(new)
        assert all(old[frame] == new[frame] for frame in new), 'a retake in the same grid has the same pixels'

    def check_continue(self):
        takes = [self.samples(self.done(self.recipes['continue'].replace('_t01_', f'_t{take:02}_')), 'comp') for take in (0, 1)]
        assert sorted(takes[0]) == list(range(1001, 1021))
        assert takes[0][1001] != takes[1][1001], 'another board gives another shot'
        with_none = self.samples(self.done(re.sub(r'input = .*\n', '', self.recipes['continue'])), 'comp')
        assert with_none[1001] not in (takes[0][1001], takes[1][1001]), 'the board is what the shot starts from'

    def check_small_plates(self):
        """A plate that is not of the model's size is the work's own fault: one try, and the plate is named."""
        for frame in range(1, 5):
            subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'color=c=red:s=32x48', '-frames:v', '1',
                            '-update', '1', str(self.plates / f'small.{frame}.png')], check=True)
        spec = self.place / 'small.toml'
        spec.write_text(re.sub(r'input = .*\n', 'input = [{root = "plates", pattern = "small.{frame}.png", frames = "1-4"}]\n',
                               self.recipes['continue']))
        job = self.farm.submit(spec=spec)
        done = subprocess.run(self.farm.cli('wait', str(job)), capture_output=True, text=True, timeout=300)
        text = self.said('job', str(job))
        assert done.returncode == 3 and 'input.size' in text and 'small.1.png' in text and '64 x 64' in text, text

    def check_commands(self):
        graded = self.rows(self.done(self.recipes['grade']), 'grade')
        assert len(graded) == 10
        for frame in (1001, 1010):
            plate, made = self.pixel(self.plates / f'hb_0010.{frame}.png'), self.pixel(self.farm.frames / graded[frame]['path'])
            assert abs(plate[0] - 2 * made[0]) <= 2, f'frame {frame} is graded from its own plate: {plate} {made}'
        over = self.rows(self.done(self.recipes['over']), 'over')
        made = self.pixel(self.farm.frames / over[1005]['path'])
        below = self.pixel(self.plates / 'hb_0010.1005.png')
        assert all(abs(a - b) <= 3 for a, b in zip(made, below)), f'a clear plate over another shows the other: {made} {below}'
        movie = self.done(self.recipes['prores'])
        files = [row for row in self.farm.client.frames(movie) if row['layer'] == 'prores']
        assert len(files) == 1 and files[0]['state'] == 'published', files
        probed = subprocess.run(['ffprobe', '-v', 'error', '-count_frames', '-show_entries', 'stream=codec_name,nb_read_frames',
                                 '-of', 'csv=p=0', str(self.farm.frames / files[0]['path'])], capture_output=True, text=True, check=True)
        assert probed.stdout.strip() == 'prores,10', probed.stdout

    def check_told(self):
        job = self.done(TOLD)
        version = self.farm.client.job(job)['version']
        lists = (self.farm.frames / 'told/lists.txt').read_text().splitlines()
        assert lists == ['1-3,90,99', '1', '{TOP.width/2}x0', '{"take": 2}'], lists
        words = (self.farm.frames / 'told/words.txt').read_text().splitlines()
        assert words[0].startswith('001001 ') and words[0].endswith('kite.1001.png'), words
        assert words[1].endswith('hb_0010.1001.png') and words[2] == f'harbor hb hb_0030 words v{version:03} {job}', words

    def check_shots(self):
        job = self.done(self.recipes['shots'], 'layer.comp_0010.steps=4', 'layer.comp_0020.steps=4')
        paths = {row['path'].split('/')[1] for row in self.farm.client.frames(job)}
        assert paths == {'hb_0010', 'hb_0020'}, paths

    def run(self):
        self.make_plates()
        self.recipes = recipes()
        self.farm.set_up()
        echo = self.place / 'echo.sh'
        echo.write_text(ECHO)
        echo.chmod(0o755)
        toml = (self.farm.private / 'w1.toml').read_text()
        toml = toml.replace('[[device]]', f'plates = {toml_text(self.plates)}\n[[device]]', 1)
        self.farm.write_private('w1.toml', toml + f'[commands]\nffmpeg = "/usr/bin/ffmpeg"\necho = {json.dumps(str(echo))}\n'
                                '[confinement]\nmode = "best_effort"\n')
        self.farm.start()
        first = self.done(FIRST)  # before the others, so that its version is the first
        sheet = next(row for row in self.farm.client.frames(first) if row['layer'] == 'sheet')
        assert sheet['state'] == 'published', sheet
        if len(sys.argv) > 2:
            pathlib.Path(sys.argv[2]).write_bytes((self.farm.frames / sheet['path']).read_bytes())
        self.check_sheet(self.farm.frames / sheet['path'])
        self.check_commands()
        self.check_told()
        self.check_continue()
        self.check_small_plates()
        self.check_retake(first)
        self.check_shots()


def main():
    with tempfile.TemporaryDirectory(prefix='framemill 100% recipes-') as temporary:
        farm = DemoFarm(pathlib.Path(sys.argv[1]).resolve(), temporary, temporary, ('w1',))
        try:
            Test(farm, pathlib.Path(temporary)).run()
        finally:
            farm.processes.stop_all()
    print('every recipe of the page does what it says')


main()
