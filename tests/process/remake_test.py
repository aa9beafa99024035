#!/usr/bin/env python3
"""Published files that were lost or damaged are made again. usage: remake_test.py BIN_DIRECTORY [commands|generate]

On a whole farm of commands, and with the demo's model: a deleted and a truncated frame, a movie and a sheet come back
under their version with the recorded digest, while the job stays done; what comes out otherwise changes nothing and is
told with both digests; --replace publishes it, on record with who and why; an empty picture that was published once is
replaced. A remake is cancelled in the middle, and lives through kill -9 of scheduler and worker. Other versions are not
touched.
"""
import hashlib
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
name = "remade"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}", "{job}"]
frames = "1-6"
chunk = 1
retries = 1
output = "paint/v{version:03}/p.{frame:04}.png"

[[layer]]
name = "grade"
kind = "command"
argv = ["copy", "{input}", "{output}"]
input = [{layer = "paint"}]
frames = "1-6"
chunk = 1
output = "grade/v{version:03}/g.{frame:04}.png"

[[layer]]
name = "daily"
kind = "encode"
input = [{layer = "grade"}]
fps = 24
output = "daily/v{version:03}.mp4"

[[layer]]
name = "look"
kind = "sheet"
input = [{layer = "grade"}]
every = 1
output = "look/v{version:03}.png"
"""

# Files decide its colour, how long it takes and whether anything comes out. The job's number is in the picture.
PAINT = """#!/bin/sh
[ -e {place}/slow ] && sleep 3
[ -e {place}/empty ] && {{ : > "$2"; exit 0; }}
colour=$(printf '0x%02x%02x%s' "$1" "$3" "$(cat {place}/blue)")
exec ffmpeg -nostdin -v error -y -f lavfi -i "color=c=$colour:s=96x64" -frames:v 1 -update 1 "$2"
"""

EMPTY = """api = "framemill/v1"
name = "empty"
show = "test"
shot = "sh20"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}", "{job}"]
frames = "1-2"
chunk = 1
check = "none"
output = "empty/v{version:03}/p.{frame:04}.png"
"""

GENERATE = """api = "framemill/v1"
name = "window"
show = "test"
shot = "sh30"

[[layer]]
name = "shot"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "1-36"
plan = "chain"
steps = 2
seed = 11
format = "png"
reproducibility = "stable"
"""

FINAL = ('done', 'failed', 'cancelled')


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def said(farm, *arguments, status=0):
    done = subprocess.run(farm.cli(*arguments), capture_output=True, text=True)
    assert done.returncode == status, f'{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}'
    return done.stdout + done.stderr


def final_state(farm, job):
    deadline = time.monotonic() + 180
    while (state := farm.client.job(job)['state']) not in FINAL:
        assert time.monotonic() < deadline, f'job {job} is still {state}'
        time.sleep(0.05)
    return state


def remake(farm, job, *arguments):
    answer = json.loads(said(farm, 'retry', str(job), '--remake', '--json', *arguments))
    assert answer['job'] == job and answer['state'] == 'done', answer
    return answer['remake']


def outcomes(farm, job):
    return sorted(file['outcome'] for file in farm.client.job(job)['remakes'][0]['files'])


def tree(farm, without=()):
    """Every file of the root that a person sees, but those named."""
    return {p: sha256(p) for p in sorted(farm.frames.rglob('*'))
            if p.is_file() and '.framemill' not in p.parts and p.name != '.framemill-root' and p not in without}


def puts_back(farm, job, path, *arguments):
    """The file comes back with its digest; the job is done all the while; nothing else on disk changes."""
    digest, before = sha256(path), tree(farm)
    for damage in (lambda: path.unlink(), lambda: path.write_bytes(path.read_bytes()[:7])):
        damage()
        again = remake(farm, job, *arguments)
        assert farm.client.job(again)['remake_of'] == job
        said(farm, 'wait', str(job))
        assert farm.client.job(job)['state'] == 'done'
        assert final_state(farm, again) == 'done'
        assert set(outcomes(farm, again)) == {'equal'}, farm.client.job(again)['remakes']
        assert sha256(path) == digest, f'{path} came back otherwise'
        assert tree(farm) == before, 'a remake changed other files'


def differs(farm, place, job):
    path = farm.frames / 'paint/v001/p.0002.png'
    recorded = sha256(path)
    (place / 'blue').write_text('77')
    path.unlink()
    before = tree(farm)
    again = remake(farm, job, '--layer', 'paint', '--frames', '2')
    assert final_state(farm, again) == 'failed'
    assert tree(farm) == before and not path.exists(), 'what comes out otherwise changes nothing'
    assert farm.client.job(job)['state'] == 'done'
    made = farm.client.job(job)['remakes'][0]['files'][0]
    assert made['outcome'] == 'differs' and made['recorded_sha256'] == recorded != made['made_sha256'], made
    for text in (said(farm, 'job', str(job)), said(farm, 'job', str(again)),
                 said(farm, 'explain', str(job), '--layer', 'paint', '--frame', '2'),
                 said(farm, 'explain', str(again), '--layer', 'paint', '--frame', '2')):
        assert recorded in text and made['made_sha256'] in text and '--remake --replace' in text, text
    said(farm, 'wait', str(again), status=3)
    return recorded, made['made_sha256']


def replaces(farm, job, recorded, made):
    path = farm.frames / 'paint/v001/p.0002.png'
    again = remake(farm, job, '--layer', 'paint', '--frames', '2', '--replace', '--reason', 'the first one was lost')
    assert final_state(farm, again) == 'done'
    assert sha256(path) == made
    told = farm.client.job(job)['remakes'][0]
    assert told['asked']['principal'] == 'demo' and told['asked']['reason'] == 'the first one was lost', told
    assert told['files'][0]['outcome'] == 'replaced' and told['files'][0]['recorded_sha256'] == recorded
    row = next(r for r in farm.client.frames(job) if r['layer'] == 'paint' and r['frame'] == 2)
    assert row['sha256'] == made, 'the list of files has the digest of what is there'
    assert 'the first one was lost' in said(farm, 'job', str(job))
    # What is there now is what the next one is compared with, and what a layer above reads.
    path.unlink()
    (farm.frames / 'grade/v001/g.0002.png').unlink()
    again = remake(farm, job, '--frames', '2', '--replace')
    assert final_state(farm, again) == 'done'
    assert sha256(path) == made
    assert outcomes(farm, again) == ['equal', 'replaced'], 'the frame made of the replaced one is another one'


def refused(farm, place, job):
    (place / 'slow').touch()
    running = farm.submit(spec=place / 'remade.toml')
    farm.wait_until(lambda: farm.client.job(running)['state'] == 'running', 30, 'the job does not start')
    assert 'remake.running' in said(farm, 'retry', str(running), '--frames', '6', '--remake', status=2)
    said(farm, 'cancel', str(running))
    assert 'remake.not_published' in said(farm, 'retry', str(running), '--frames', '6', '--remake', status=2)
    assert 'job.unknown' in said(farm, 'retry', '999', '--frames', '6', '--remake', status=2)
    assert 'remake.nothing' in said(farm, 'retry', str(job), '--frames', '99', '--remake', status=2)
    assert 'remake.needs_frames' in said(farm, 'retry', str(job), '--remake', status=2)
    assert 'usage.replace' in said(farm, 'retry', str(job), '--frames', '6', '--replace', status=2)
    # Cancelled in the middle: what is there stays, and it may be asked for again.
    path = farm.frames / 'paint/v001/p.0006.png'
    digest = sha256(path)
    path.write_bytes(b'')
    again = remake(farm, job, '--layer', 'paint', '--frames', '6')
    farm.wait_until(lambda: farm.client.job(again)['tasks']['leased'] == 1, 30, 'the remake does not start')
    assert 'remake.under_way' in said(farm, 'retry', str(job), '--layer', 'paint', '--frames', '6', '--remake', status=2)
    assert 'remake.of_remake' in said(farm, 'retry', str(again), '--frames', '6', '--remake', status=2)
    said(farm, 'cancel', str(again))
    assert final_state(farm, again) == 'cancelled' and path.read_bytes() == b''
    # kill -9 of both in the middle: it goes on.
    again = remake(farm, job, '--layer', 'paint', '--frames', '6')
    farm.wait_until(lambda: farm.client.job(again)['tasks']['leased'] == 1, 30, 'the remake does not start')
    farm.processes.kill('scheduler')
    farm.processes.kill('w1')
    (place / 'slow').unlink()
    farm.start_scheduler()
    farm.start_worker('w1')
    farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
    assert final_state(farm, again) == 'done'
    assert sha256(path) == digest and farm.client.job(job)['state'] == 'done'
    assert farm.client.job(again)['remakes'][0]['files'][0]['outcome'] == 'equal'


def empty_picture(farm, place):
    (place / 'empty').touch()
    spec = place / 'empty.toml'
    spec.write_text(EMPTY)
    job = farm.submit(spec=spec)
    assert final_state(farm, job) == 'done'
    path = farm.frames / 'empty/v001/p.0001.png'
    assert path.read_bytes() == b''
    (place / 'empty').unlink()
    again = remake(farm, job, '--frames', '1')
    assert final_state(farm, again) == 'failed' and path.read_bytes() == b''
    again = remake(farm, job, '--frames', '1', '--replace')
    assert final_state(farm, again) == 'done'
    assert path.read_bytes()[:4] == b'\x89PNG'
    assert (farm.frames / 'empty/v001/p.0002.png').read_bytes() == b'', 'what nobody asked for stays'


def commands(binaries):
    with tempfile.TemporaryDirectory(prefix='framemill-remake-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        programs = {'paint': PAINT.format(place=place), 'copy': '#!/bin/sh\nexec cp "$1" "$2"\n'}
        for name, text in programs.items():
            (place / f'{name}.sh').write_text(text)
            (place / f'{name}.sh').chmod(0o755)
        (place / 'blue').write_text('10')
        (place / 'remade.toml').write_text(SPEC)
        try:
            farm.set_up()
            toml = (farm.private / 'w1.toml').read_text()
            listed = ''.join(f'{name} = {json.dumps(str(place / (name + ".sh")))}\n' for name in programs)
            farm.write_private('w1.toml', toml + f'[commands]\n{listed}'
                               f'[confinement]\nmode = "best_effort"\nread = [{json.dumps(str(place))}]\n')
            farm.start_scheduler()
            farm.start_worker('w1')
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            job = farm.submit(spec=place / 'remade.toml')
            assert final_state(farm, job) == 'done'
            later = farm.submit(spec=place / 'remade.toml')
            assert final_state(farm, later) == 'done'
            puts_back(farm, job, farm.frames / 'paint/v001/p.0003.png', '--frames', '3')
            puts_back(farm, job, farm.frames / 'daily/v001.mp4', '--layer', 'daily')
            puts_back(farm, job, farm.frames / 'look/v001.png', '--layer', 'look')
            refused(farm, place, job)
            replaced = [farm.frames / f'{p}/v001/{p[0]}.0002.png' for p in ('paint', 'grade')]
            manifests = [path.parent / 'manifest.json' for path in replaced]
            others = tree(farm, without=replaced + manifests)
            replaces(farm, job, *differs(farm, place, job))
            assert tree(farm, without=replaced + manifests) == others, 'other files and versions are as they were'
            for path, manifest in zip(replaced, manifests):
                assert sha256(path) in manifest.read_text(), 'the manifest has the digest of what is there'
            empty_picture(farm, place)
        finally:
            farm.processes.stop_all()


def generate(binaries):
    with tempfile.TemporaryDirectory(prefix='framemill-remake-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        spec = place / 'window.toml'
        spec.write_text(GENERATE)
        try:
            farm.set_up()
            farm.start()
            job = farm.submit(spec=spec)
            assert final_state(farm, job) == 'done'
            rows = {r['frame']: r for r in farm.client.frames(job) if r['kind'] == 'frame'}
            farm.wait_until(lambda: not list(farm.frames.rglob('*.safetensors')), 60, 'the latents are not swept')
            path = farm.frames / rows[30]['path']
            before = tree(farm)
            path.unlink()
            again = remake(farm, job, '--frames', '30')
            assert final_state(farm, again) == 'done'
            assert set(outcomes(farm, again)) == {'equal'}, 'the windows below it were made again, and gave the same'
            assert tree(farm) == before
            manifest = json.loads((path.parent / 'manifest.json').read_text())
            assert manifest['job'] == job
            farm.wait_until(lambda: not list(farm.frames.rglob('*.safetensors')), 60, 'its latents are not swept')
        finally:
            farm.processes.stop_all()


def main():
    which = sys.argv[2:] or ['commands', 'generate']
    if 'commands' in which:
        commands(pathlib.Path(sys.argv[1]))
    if 'generate' in which:
        generate(pathlib.Path(sys.argv[1]))
    print('lost and damaged files came back under their version, and nothing else changed')


main()
