#!/usr/bin/env python3
"""Storage of one host that is full or read-only, on a whole farm of commands. usage: full_root_test.py BIN_DIRECTORY

Needs root (exit status 77, skipped, without): root `main` of worker w1 is a small file system of its own. A program that
removes what it could not finish, one that leaves a cut picture and calls it well, and a remount in mid-job: no task is
charged a try, `workers` and `explain` say what is wrong, and the healthy worker makes all frames once it is there.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SKIPPED = 77
# big OUT: 30 MB, or nothing.  cut PICTURE OUT: a picture behind 30 MB of something else; writes what fits and ends well.
PROGRAMS = {
    'big': '#!/bin/sh\nhead -c 30000000 /dev/zero > "$1.part" || { rm "$1.part"; echo cannot write >&2; exit 1; }\n'
           'mv "$1.part" "$1"\n',
    'cut': '#!/bin/sh\nhead -c 30000000 /dev/zero > filler 2>&1; cat "$1" > "$2"; exit 0\n',
    'small': '#!/bin/sh\nsleep 0.2; cp "$1" "$2"\n',
}
SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"

[[layer]]
name = "paint"
kind = "command"
argv = {argv}
frames = "1-{count}"
chunk = 1
retries = 1
output = "{name}/v{{version:03}}/p.{{frame:04}}.{ending}"
"""


def wait(condition, complaint, seconds=90):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, complaint() if callable(complaint) else complaint
        time.sleep(0.1)
    return value


def submit(farm, place, name, argv, count, ending):
    spec = place / f'{name}.toml'
    spec.write_text(SPEC.format(name=name, argv=json.dumps(argv), count=count, ending=ending))
    return farm.submit(spec=spec)


def conditions(farm):
    return next(w['conditions'] for w in farm.client.workers() if w['name'] == 'w1')


def is_done(farm, job):
    view = farm.client.job(job)
    assert view['state'] != 'failed', (view['failures'], farm.client.attempts(job))
    return view['state'] == 'done'


def no_try_was_charged(farm, job):
    assert farm.client.job(job)['retries'] == 0, farm.client.attempts(job)
    lost = {a['outcome'] for a in farm.client.attempts(job) if a['worker'] == 'w1'} - {'ok'}
    assert lost and lost <= {'storage_full', 'not_admitted', 'input_not_visible', 'worker_lost'}, lost


def said(farm, *arguments):
    return subprocess.run(farm.cli(*arguments), capture_output=True, text=True).stdout


def scenario(farm, place, small):
    picture = place / 'picture.png'
    subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=320x240', '-frames:v', '1',
                    '-y', str(picture)], check=True)
    for name, argv, ending in (('big', ['big', '{output}'], 'dat'), ('cut', ['cut', str(picture), '{output}'], 'png')):
        job = submit(farm, place, name, argv, 6, ending)
        wait(lambda: [a for a in farm.client.attempts(job) if a['outcome'] == 'storage_full'],
             lambda: f'{name}: {farm.client.job(job)} {farm.client.attempts(job)}', 180)
        found = wait(lambda: [c for c in conditions(farm) if c['code'] == 'storage_full'], 'w1 does not say so')
        assert found[0]['root'] == 'main', found
        assert 'storage_full' in said(farm, 'workers')
        wait(lambda: 'storage_full' in said(farm, 'explain', str(job)), lambda: said(farm, 'explain', str(job)))
        farm.start_worker('w2')
        wait(lambda: is_done(farm, job), lambda: f'{name}: {farm.client.job(job)}')
        no_try_was_charged(farm, job)
        print(f'  {name}: given back by the full host, made by the other one')
        farm.processes.kill('w2')
        wait(lambda: [w for w in farm.client.workers() if w['name'] == 'w2' and w['state'] == 'silent'], 'w2 is not missed')

    for name in ('big', 'cut'):
        shutil.rmtree(small / name, ignore_errors=True)
    job = submit(farm, place, 'small', ['small', str(picture), '{output}'], 30, 'png')
    wait(lambda: len(farm.client.attempts(job)) > 3 and not conditions(farm), 'w1 does not go on with room', 180)
    remount = ['mount', '-o', 'remount,ro', str(small)]  # refused while a file is open for writing
    wait(lambda: subprocess.run(remount, stderr=subprocess.DEVNULL).returncode == 0, 'it cannot be made read-only')
    wait(lambda: [c for c in conditions(farm) if c['code'] == 'storage_failed'], lambda: f'{conditions(farm)}')
    farm.start_worker('w2')
    wait(lambda: is_done(farm, job), lambda: f'{farm.client.job(job)}')
    no_try_was_charged(farm, job)
    print('  read-only in mid-job: given back')


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix='framemill-full-') as temporary:
        place = pathlib.Path(temporary).resolve()
        small = place / 'small'
        small.mkdir()
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=110m', 'none', str(small)]).returncode != 0:
            print('skipped: no file system can be mounted here')
            return SKIPPED
        farm = DemoFarm(binaries, str(place), str(place), ('w1', 'w2'))
        try:
            farm.set_up()
            (small / '.framemill-root').write_bytes((farm.frames / '.framemill-root').read_bytes())
            commands = '[commands]\n'
            for name, text in PROGRAMS.items():
                path = place / f'{name}.sh'
                path.write_text(text)
                path.chmod(0o755)
                commands += f'{name} = {json.dumps(str(path))}\n'
            for worker, root in (('w1', small), ('w2', farm.frames)):
                toml = (farm.private / f'{worker}.toml').read_text()
                toml = toml.replace(f'main = {json.dumps(str(farm.frames))}', f'main = {json.dumps(str(root))}')
                farm.write_private(f'{worker}.toml', f'{toml}{commands}[confinement]\nmode = "best_effort"\n'
                                                     f'read = [{json.dumps(str(place))}]\n')
            farm.start_scheduler()
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            farm.start_worker('w1')
            scenario(farm, place, small)
        except BaseException:
            for log in sorted(farm.logs.iterdir()):
                print(f'--- {log.name}\n{log.read_text()[-3000:]}', file=sys.stderr)
            raise
        finally:
            farm.processes.stop_all()
            subprocess.run(['umount', '-l', str(small)])
    print('a full or read-only root of one host costs no task a try')
    return 0


sys.exit(main())
