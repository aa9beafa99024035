#!/usr/bin/env python3
"""Pictures of other tools on a whole farm. usage: pictures_test.py BIN_DIRECTORY

Plates that are cut, no pictures, of two sizes or with NaN fail after one try, by name, in a movie, a sheet, a chain and a
command. A plate that is still being written is waited for. Frames of commands get their own header and manifest, and a
sheet that is drawn anew after a retry shows what was made meanwhile.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

NAN = float('nan')


def exr(width=64, height=64, value=0.5, bad=None):
    """An EXR file of R, G and B in floats, not compressed. bad: (channel, x, y, value) of one sample."""
    def attribute(name, kind, data):
        return name.encode() + b'\0' + kind.encode() + b'\0' + struct.pack('<i', len(data)) + data
    window = struct.pack('<4i', 0, 0, width - 1, height - 1)
    channels = b''.join(name + b'\0' + struct.pack('<iB3xii', 2, 0, 1, 1) for name in (b'B', b'G', b'R')) + b'\0'
    header = (b'\x76\x2f\x31\x01\x02\0\0\0' + attribute('channels', 'chlist', channels) +
              attribute('compression', 'compression', b'\0') + attribute('dataWindow', 'box2i', window) +
              attribute('displayWindow', 'box2i', window) + attribute('lineOrder', 'lineOrder', b'\0') +
              attribute('pixelAspectRatio', 'float', struct.pack('<f', 1)) +
              attribute('screenWindowCenter', 'v2f', struct.pack('<2f', 0, 0)) +
              attribute('screenWindowWidth', 'float', struct.pack('<f', 1)) + b'\0')
    lines = []
    for y in range(height):
        samples = {c: [value] * width for c in 'BGR'}
        if bad and bad[2] == y:
            samples[bad[0]][bad[1]] = bad[3]
        data = b''.join(struct.pack(f'<{width}f', *samples[c]) for c in 'BGR')
        lines.append(struct.pack('<ii', y, len(data)) + data)
    first = len(header) + 8 * height
    offsets = b''.join(struct.pack('<Q', first + y * len(lines[0])) for y in range(height))
    return header + offsets + b''.join(lines)


SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"

[[layer]]
name = "it"
kind = "{kind}"
input = [{{root = "plates", pattern = "{name}/p.{{frame:04}}.exr", frames = "{frames}"}}]
{more}
"""
KINDS = {
    'encode': 'fps = 24',
    'sheet': 'every = 1',
    'generate': 'model = "demo-clips@1"\nprompt = "red boat moving right"\nplan = "chain"\nframes = "5-12"',
    'command': 'argv = ["grade", "{input}", "{output}"]\nframes = "1-4"\nchunk = 1\n'
               'output = "test/{shot}/g.{frame:04}.exr"',
}
GRADE = """#!/bin/sh
# Fails where the picture cannot be read, as programs do.
ffmpeg -nostdin -v error -xerror -i "$1" -f null - && cp "$1" "$2"
"""


def wait(condition, complaint, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, complaint() if callable(complaint) else complaint
        time.sleep(0.05)
    return found


def final_state(farm, job):
    return wait(lambda: (state := farm.client.job(job)['state']) in ('done', 'failed', 'cancelled') and state,
                lambda: f'job {job} does not end: {farm.client.job(job)}')


def write_plates(plates, name, frames, **how):
    (plates / name).mkdir(exist_ok=True)
    for frame in frames:
        (plates / name / f'p.{frame:04}.exr').write_bytes(exr(**how))


def submit(farm, place, name, kind, frames='1-4', more=None):
    path = place / f'{name}.toml'
    path.write_text(SPEC.format(name=name, kind=kind, frames=frames, more=KINDS[kind] if more is None else more))
    return farm.submit(spec=path)


def bad_plates(farm, place, plates):
    """What is wrong with frame 3, by kind of layer; each is named after one try."""
    good = exr()
    wrongs = {
        'cut': (good[:len(good) - 3000], 'input.unreadable', None),
        'page': (b'<html>not found</html>', 'input.unreadable', None),
        'nan': (exr(bad=('G', 5, 7, NAN)), 'input.nan', 'G'),
        'inf': (exr(bad=('B', 0, 0, float('inf'))), 'input.nan', 'B'),
        'small': (exr(32, 32), 'input.size', '32 x 32'),
        'depth': (good.replace(b'B\0\2', b'X\0\2', 1).replace(b'G\0\2', b'Y\0\2', 1).replace(b'R\0\2', b'Z\0\2', 1),
                  'input.channels', 'X'),
    }
    for kind in KINDS:
        jobs = {}
        for wrong, (data, code, word) in wrongs.items():
            if kind == 'command' and wrong != 'cut':  # a command's program decides what it can read
                continue
            if kind == 'sheet' and wrong == 'small':  # tiles are scaled
                continue
            name = f'{kind}_{wrong}'
            write_plates(plates, name, range(1, 5))
            (plates / name / 'p.0003.exr').write_bytes(data)
            jobs[name] = (submit(farm, place, name, kind), code, word)
        for name, (job, code, word) in jobs.items():
            assert final_state(farm, job) == 'failed', farm.client.job(job)
            failures = [f for f in farm.client.job(job)['failures'] if f['code'] == code]
            assert failures, (name, farm.client.job(job)['failures'])
            message = failures[0]['message']
            for part in ('frame 3', f'plates:{name}/p.0003.exr', word or ''):
                assert part in message, (name, part, message)
            bad = [a for a in farm.client.attempts(job) if a['outcome'] != 'ok']
            assert len(bad) == 1, (name, bad)
            assert farm.client.job(job)['retries'] <= 1, farm.client.job(job)
            print(f'    {name}: {message}')


def growing_plate(farm, place, plates):
    """A plate that is still being written when the job comes; nothing is read before it is whole."""
    write_plates(plates, 'grow', (1, 2, 4))
    data = exr()
    plate = plates / 'grow/p.0003.exr'
    with open(plate, 'wb', buffering=0) as file:
        file.write(data[:1000])
        job = submit(farm, place, 'grow', 'encode')
        for at in range(1000, len(data), 4000):
            file.write(data[at:at + 4000])
            time.sleep(0.4)
            assert farm.client.job(job)['state'] != 'failed', farm.client.job(job)
    assert final_state(farm, job) == 'done', farm.client.job(job)
    attempts = farm.client.attempts(job)
    assert [a['outcome'] for a in attempts] == ['ok'], attempts


def cli(farm, *arguments):
    done = subprocess.run(farm.cli(*arguments), capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def frames_of_commands(farm, place, plates):
    write_plates(plates, 'mark', range(1, 5))
    (place / 'closed').touch()
    more = ('argv = ["gate", "{input}", "{output}", "{frame}"]\nframes = "1-4"\nchunk = 1\nretries = 1\n'
            'output = "test/{shot}/v{version:03}/g.{frame:04}.exr"\n'
            '[[layer]]\nname = "again"\nkind = "command"\nargv = ["cp", "{input}", "{output}"]\nframes = "1-4"\n'
            'input = [{layer = "it"}]\noutput = "test/{shot}/again/v{version:03}/a.{frame:04}.exr"\n')
    job = submit(farm, place, 'mark', 'command', more=more)
    assert final_state(farm, job) == 'failed'
    before, after = place / 'before.png', place / 'after.png'
    cli(farm, 'sheet', str(job), '--layer', 'it', '-o', str(before))
    (place / 'closed').unlink()
    cli(farm, 'retry', str(job))
    assert final_state(farm, job) == 'done', farm.client.job(job)
    cli(farm, 'sheet', str(job), '--layer', 'it', '-o', str(after))
    assert before.read_bytes() != after.read_bytes(), 'the sheet shows what the retry made'
    for directory, layer, name in (('v001', 'it', 'g'), ('again/v001', 'again', 'a')):
        manifest = json.loads((farm.frames / f'test/mark/{directory}/manifest.json').read_text())
        assert manifest['models'] == [], manifest
        assert [f['frame'] for f in manifest['files']] == [1, 2, 3, 4], manifest
        for row in manifest['files']:
            assert row['layer'] == layer and row['seed'] is None and row['model'] is None, row
            file = farm.frames / row['file']
            digests = subprocess.run([str(farm.bin / 'framemill-media'), 'digest', str(file)], capture_output=True,
                                     text=True, check=True).stdout.split()
            assert [row['sha256'], row['samples_sha256']] == digests[:2], (row, digests)
            header = subprocess.run([str(farm.bin / 'framemill-media'), 'probe', str(file)], capture_output=True,
                                    text=True, check=True).stdout
            assert f'framemill:layer={layer}\n' in header and 'framemill:seed' not in header, header
    rows = json.loads(cli(farm, 'frames', str(job), '--json'))['items']
    assert len(rows) == 8 and all(r['seed'] is None and r['samples_sha256'] for r in rows), rows[0]
    whole = place / 'manifest.json'
    cli(farm, 'frames', str(job), '--manifest', str(whole))
    assert all(f['seed'] is None and f['seed_text'] is None for f in json.loads(whole.read_text())['files'])


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix='framemill-pictures-') as temporary:
        place = pathlib.Path(temporary).resolve()
        plates = place / 'plates'
        plates.mkdir()
        (plates / '.framemill-root').write_text('name = "plates"\n')
        programs = {'cp': '/bin/cp'}
        for name, text in (('grade', GRADE),
                           ('gate', f'#!/bin/sh\n[ "$3" = 3 ] && [ -e "{place}/closed" ] && exit 1\nexec cp "$1" "$2"\n')):
            program = place / f'{name}.sh'
            program.write_text(text)
            program.chmod(0o755)
            programs[name] = str(program)
        farm = DemoFarm(binaries, str(place), str(place), ('w1',))
        commands = '[commands]\n' + ''.join(f'{n} = {json.dumps(p)}\n' for n, p in programs.items())
        commands += f'[confinement]\nmode = "best_effort"\nread = [{json.dumps(str(place))}]\n'
        root = json.dumps(str(plates))
        try:
            farm.set_up()
            toml = (farm.private / 'w1.toml').read_text()
            toml = toml.replace('[roots]\n', f'[roots]\nplates = {{path = {root}, access = "read"}}\n')
            farm.write_private('w1.toml', toml + commands)
            toml = (farm.private / 'scheduler.toml').read_text()
            farm.write_private('scheduler.toml', toml.replace('[roots]\n', f'[roots]\nplates = {root}\n'))
            farm.start()
            for name, part in (('bad plates', bad_plates), ('a growing plate', growing_plate)):
                if not wanted or name in wanted:
                    part(farm, place, plates)
                    print(name, flush=True)
            if not wanted or 'frames of commands' in wanted:
                frames_of_commands(farm, place, plates)
                print('frames of commands', flush=True)
        except BaseException:
            for log in sorted(farm.logs.glob('*.log')):
                print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-20:]), file=sys.stderr)
            raise
        finally:
            farm.processes.stop_all()
    print('plates are named when they are bad, waited for while they grow, and frames of commands tell their own story')


main()
