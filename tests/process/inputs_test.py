#!/usr/bin/env python3
"""What happens to files that a job reads from a root, on a whole farm of commands. usage: inputs_test.py BIN_DIRECTORY

A plate is missing: the other frames are made at once, no slot is held, job and explain name it; it comes and is picked
up; it does not come and its task fails after missing_after. Links lead inside the roots or are refused. A read-only root
serves inputs. A host with another tree under the same name gets no work on it.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

COPY = """#!/bin/sh
exec cp "$(printf "$1" "$2")" "$(printf "$3" "$2")"
"""

GRADE = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"

[[layer]]
name = "grade"
kind = "command"
argv = ["{program}", "{{input}}", "{{frame}}", "{{output}}"]
frames = "{frames}"
chunk = 1
retries = 5
root = "{root}"
missing_after = "{missing_after}"
input = [{{root = "plates", pattern = "{pattern}", frames = "{frames}"}}]
output = "{name}/v{{version:03}}/g.{{frame:04}}.txt"
{more}"""


def spec_of(place, name, pattern, frames='1-10', missing_after='10m', program='copy', root='main', more=''):
    path = place / f'{name}.toml'
    path.write_text(GRADE.format(name=name, pattern=pattern, frames=frames, missing_after=missing_after,
                                 program=program, root=root, more=more))
    return path


def wait(condition, complaint, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, complaint() if callable(complaint) else complaint
        time.sleep(0.05)
    return found


def final_state(farm, job):
    return wait(lambda: (state := farm.client.job(job)['state']) in ('done', 'failed', 'cancelled') and state,
                lambda: f'job {job} does not end: {farm.client.job(job)}')


def run(farm, *arguments):
    return subprocess.run(farm.cli(*arguments), capture_output=True, text=True)


def published(farm, job):
    return sum(layer['tasks']['published'] for layer in farm.client.job(job)['layers'])


def write_plates(directory, frames, pattern='p.{:04}.txt'):
    directory.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        (directory / pattern.format(frame)).write_text(f'plate {frame}')


def one_plate_missing(farm, place, plates):
    write_plates(plates / 'show', range(1, 10))
    done = run(farm, 'submit', str(spec_of(place, 'nine', 'show/p.{frame:04}.txt')))
    assert done.returncode == 0, done.stderr
    job = int(done.stdout.split()[1])
    wait(lambda: published(farm, job) == 9, lambda: f'nine frames have their plates: {farm.client.job(job)}')
    view = farm.client.job(job)
    assert view['state'] == 'running', view['state']
    missing = view['missing_inputs']
    assert [(m['root'], m['path'], m['frame']) for m in missing] == [('plates', 'show/p.0010.txt', 10)], missing
    assert missing[0]['since'] and missing[0]['fails_in_ms'] > 0, missing
    text = run(farm, 'job', str(job)).stdout
    assert 'plates:show/p.0010.txt' in text and 'fails in' in text, text
    explained = json.loads(run(farm, 'explain', str(job), '--json').stdout)
    assert explained['reasons'][0]['reason'] == 'input_missing', explained
    assert 'plates:show/p.0010.txt' in explained['sentence'], explained
    # The farm's one slot is free meanwhile.
    write_plates(plates / 'other', range(1, 11))
    assert final_state(farm, farm.submit(spec=spec_of(place, 'other', 'other/p.{frame:04}.txt'))) == 'done'
    assert farm.client.job(job)['state'] == 'running'
    arrived = time.monotonic()
    write_plates(plates / 'show', [10])
    assert final_state(farm, job) == 'done'
    took = time.monotonic() - arrived
    assert (farm.frames / 'nine/v001/g.0010.txt').read_text() == 'plate 10'
    attempts = farm.client.attempts(job)
    assert len(attempts) == 10 and all(a['outcome'] == 'ok' for a in attempts), 'no attempt was made to look'
    print(f'  picked up after {took:.1f} s')


def all_plates_missing(farm, place):
    started = time.monotonic()
    done = run(farm, 'submit', str(spec_of(place, 'none', 'nowhere/p.{frame:04}.txt', '1-3', '3s')))
    assert 'the first is plates:nowhere/p.0001.txt' in done.stdout, f'submit warns at once: {done.stdout}'
    job = int(done.stdout.split()[1])
    assert final_state(farm, job) == 'failed'
    assert time.monotonic() - started >= 3, 'the time that the layer gives was waited'
    failure = farm.client.job(job)['failures'][0]
    assert failure['code'] == 'input.missing' and failure['count'] == 3 and failure['first_frame'] == 1, failure
    assert 'plates:nowhere/p.0001.txt (frame 1)' in failure['message'], failure
    assert farm.client.attempts(job) == [], 'no slot was held for it'


def later_layers_name_the_cause(farm, place):
    more = """
[[layer]]
name = "again"
kind = "command"
argv = ["copy", "{input}", "{frame}", "{output}"]
frames = "1-2"
chunk = 1
input = [{layer = "grade"}]
output = "cause/v{version:03}/a.{frame:04}.txt"
"""
    path = spec_of(place, 'cause', 'show/p.{frame:04}.txt', '1-2', program='nuke', more=more)
    done = run(farm, 'submit', str(path))
    assert 'no worker lists the program "nuke"' in done.stdout, done.stdout
    job = int(done.stdout.split()[1])
    explained = run(farm, 'explain', str(job), '--layer', 'again')
    assert explained.returncode == 6 and 'nuke' in explained.stdout.splitlines()[0], explained.stdout
    run(farm, 'cancel', str(job))


def links(farm, place, plates):
    write_plates(plates / 'v003', [1, 2])
    (plates / 'latest').symlink_to('v003')
    (plates / 'absolute').symlink_to(plates / 'v003')
    for name, pattern in (('latest', 'latest/p.{frame:04}.txt'), ('absolute', 'absolute/p.{frame:04}.txt')):
        job = farm.submit(spec=spec_of(place, name, pattern, '1-2'))
        assert final_state(farm, job) == 'done', farm.client.job(job)
        assert (farm.frames / f'{name}/v001/g.0002.txt').read_text() == 'plate 2'
    outside = place / 'outside'
    write_plates(outside, [1, 2])
    (plates / 'out').symlink_to(outside)
    job = farm.submit(spec=spec_of(place, 'out', 'out/p.{frame:04}.txt', '1-2'))
    assert final_state(farm, job) == 'failed'
    failure = farm.client.job(job)['failures'][0]
    assert failure['code'] == 'input.link' and 'out' in failure['message'], failure
    assert farm.client.attempts(job) == [], 'it is refused before work begins'


def read_only(farm, place):
    done = run(farm, 'submit', str(spec_of(place, 'ro', 'show/p.{frame:04}.txt', '1-2', root='plates')))
    assert done.returncode != 0 and 'plates' in done.stderr, (done.returncode, done.stdout, done.stderr)
    checked = subprocess.run([str(farm.bin / 'framemill-worker'), '--check-config', '--config',
                              str(farm.private / 'w1.toml')], capture_output=True, text=True)
    assert 'for reading' in checked.stdout, checked.stdout
    doctor = run(farm, 'doctor', '--config', str(farm.private / 'w1.toml')).stdout
    assert 'serves inputs; nothing is written there' in doctor, doctor


def another_tree(farm, place, commands):
    """w2 has a tree of its own under the name main, as if the storage were not mounted there."""
    wrong = place / 'wrong'
    wrong.mkdir()
    (wrong / '.framemill-root').write_text('name = "main"\n')
    toml = (farm.private / 'w2.toml').read_text().replace(f'main = {json.dumps(str(farm.frames))}',
                                                          f'main = {json.dumps(str(wrong))}')
    farm.write_private('w2.toml', toml)
    farm.start_worker('w2')
    seen = wait(lambda: [r for w in farm.client.workers() if w['name'] == 'w2' for r in w['roots'] if r['name'] == 'main'],
                'w2 has not joined')
    assert not seen[0]['usable'] and 'another tree' in seen[0]['problem'], seen
    assert 'another tree' in run(farm, 'workers').stdout
    job = farm.submit(spec=spec_of(place, 'wrong', 'show/p.{frame:04}.txt'))
    assert final_state(farm, job) == 'done'
    assert len(list((farm.frames / 'wrong/v001').glob('g.*.txt'))) == 10
    assert not (wrong / 'wrong').exists()


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix='framemill-inputs-') as temporary:
        place = pathlib.Path(temporary).resolve()
        plates = place / 'plates'
        plates.mkdir()
        (plates / '.framemill-root').write_text('name = "plates"\n')
        copy = place / 'copy.sh'
        copy.write_text(COPY)
        copy.chmod(0o755)
        farm = DemoFarm(binaries, str(place), str(place), ('w1', 'w2'))
        commands = f'[commands]\ncopy = {json.dumps(str(copy))}\n[confinement]\nmode = "best_effort"\n'
        root = json.dumps(str(plates))
        try:
            farm.set_up()
            for name in ('w1', 'w2'):
                toml = (farm.private / f'{name}.toml').read_text()
                toml = toml.replace('[roots]\n', f'[roots]\nplates = {{path = {root}, access = "read"}}\n')
                farm.write_private(f'{name}.toml', toml + commands)
            toml = (farm.private / 'scheduler.toml').read_text()
            farm.write_private('scheduler.toml', toml.replace('[roots]\n', f'[roots]\nplates = {root}\n'))
            farm.start_scheduler()
            farm.start_worker('w1')
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            farm.wait_until(lambda: any(w['roots'] for w in farm.client.workers()), 60, 'the worker has not joined')
            for name, part in (('one plate missing', lambda: one_plate_missing(farm, place, plates)),
                               ('all plates missing', lambda: all_plates_missing(farm, place)),
                               ('causes', lambda: later_layers_name_the_cause(farm, place)),
                               ('links', lambda: links(farm, place, plates)),
                               ('read-only', lambda: read_only(farm, place)),
                               ('another tree', lambda: another_tree(farm, place, commands))):
                part()
                print(name, flush=True)
        except BaseException:
            for log in sorted(farm.logs.glob('*.log')):
                print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-20:]), file=sys.stderr)
            raise
        finally:
            farm.processes.stop_all()
    print('missing plates cost no slot, links stay inside the roots, and trees are not confused')


main()
