#!/usr/bin/env python3
"""What a person meets when frames fail or names are taken, on a whole farm of commands. usage: outcomes_test.py BIN_DIRECTORY

A frame fails: the job fails, its contact sheet is published all the same with the frame marked. A foreign file holds a
final name: the job says which and why; the file is moved away, `retry` gives the frame its name without making it again.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "outcomes"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}"]
frames = "1-6"
chunk = 1
retries = 1
output = "paint/v{version:03}/p.{frame:04}.png"

[[layer]]
name = "look"
kind = "sheet"
input = [{layer = "paint"}]
every = 1
output = "paint/v{version:03}/look.png"
"""

# Notes every call; fails while a file says so.
PAINT = """#!/bin/sh
echo "$1" >> {place}/painted
[ -e {place}/fail.$1 ] && {{ echo "no paint left" >&2; exit 3; }}
exec ffmpeg -nostdin -v error -y -f lavfi -i "color=c=0x${{1}}0a0${{1}}0:s=96x64" -frames:v 1 -update 1 "$(printf "$2" "$1")"
"""


def final_state(farm, job):
    deadline = time.monotonic() + 120
    while (state := farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        time.sleep(0.05)
    return state


def said(farm, *arguments, status=0):
    done = subprocess.run(farm.cli(*arguments), capture_output=True, text=True)
    assert done.returncode == status, f'{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}'
    return done.stdout


def said_wrong(farm, *arguments):
    done = subprocess.run(farm.cli(*arguments), capture_output=True, text=True)
    assert done.returncode == 2, f'{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}'
    return done.stderr


def failed_frame(farm, place, spec):
    (place / 'fail.3').touch()
    job = farm.submit(spec=spec)
    assert final_state(farm, job) == 'failed'
    directory = farm.frames / 'paint/v001'
    assert not (directory / 'p.0003.png').exists()
    sheet = directory / 'look.png'
    assert sheet.read_bytes()[:4] == b'\x89PNG', 'a job with a failed frame has its sheet'
    layers = {layer['name']: layer['state'] for layer in farm.client.job(job)['layers']}
    assert layers == {'paint': 'failed', 'look': 'done'}, layers
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_bytes(sheet.read_bytes())
    (place / 'fail.3').unlink()
    said(farm, 'retry', str(job))
    assert final_state(farm, job) == 'done'
    assert (directory / 'p.0003.png').exists()


def taken_name(farm, place, spec):
    foreign = farm.frames / 'paint/v002/p.0005.png'
    foreign.parent.mkdir(parents=True)
    foreign.write_text('a person put this here')
    (place / 'painted').unlink()
    job = farm.submit(spec=spec)
    assert final_state(farm, job) == 'failed'
    assert foreign.read_text() == 'a person put this here', 'the foreign file is untouched'
    # What the person sees: the code, the file, what to do.
    text = said(farm, 'job', str(job), status=0)
    assert 'publish.exists_other' in text, text
    advice = 'paint/v002/p.0005.png exists with other contents (move the file away, or submit a new version)'
    assert advice in ' '.join(text.split()), text
    wrong = said_wrong(farm, 'logs', str(job), '--layer', 'nope')
    assert 'no layer named nope' in wrong and 'its layers: paint' in wrong, wrong
    explained = said(farm, 'explain', str(job), '--layer', 'paint', '--frame', '5')
    assert 'publish.exists_other' in explained and advice in ' '.join(explained.split()), explained
    # What they do.
    foreign.rename(place / 'moved-away.png')
    said(farm, 'retry', str(job))
    assert final_state(farm, job) == 'done'
    row = next(r for r in farm.client.frames(job) if r['frame'] == 5 and r['layer'] == 'paint')
    assert row['state'] == 'published'
    sums = subprocess.run(['sha256sum', str(foreign)], capture_output=True, text=True, check=True).stdout.split()[0]
    assert sums == row['sha256'], 'the frame under its name is the committed one'
    painted = sorted((place / 'painted').read_text().split())
    assert painted == ['1', '2', '3', '4', '5', '6'], f'a retry of a name makes nothing again: {painted}'


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-outcomes-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        paint = place / 'paint.sh'
        paint.write_text(PAINT.format(place=place))
        paint.chmod(0o755)
        spec = place / 'outcomes.toml'
        spec.write_text(SPEC)
        try:
            farm.set_up()
            toml = (farm.private / 'w1.toml').read_text()
            # It notes its calls outside of its staging directory.
            farm.write_private('w1.toml', toml + f'[commands]\npaint = {json.dumps(str(paint))}\n'
                               f'[confinement]\nmode = "best_effort"\nwrite = [{json.dumps(str(place))}]\n')
            farm.start_scheduler()
            farm.start_worker('w1')  # its slot needs no executor for commands
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            failed_frame(farm, place, spec)
            taken_name(farm, place, spec)
        finally:
            farm.processes.stop_all()
    print('a failed frame keeps no sheet back; a taken name is told, and retry gives it')


main()
