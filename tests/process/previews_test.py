#!/usr/bin/env python3
"""Previews of a whole farm. usage: previews_test.py BIN_DIRECTORY

Pictures of what a job publishes arrive while it runs, in the scheduler's own words and files; the program that makes them is
killed over and over, and no task suffers; a worker that has them switched off makes none.
"""
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "boards"
show = "harbor"
shot = "{shot}"
shot_range = "1001-1044"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "1001-1044"
plan = "chain"
steps = 2
format = "{form}"
"""


def wait(condition, complaint, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)
    return found


def fetch(farm, path, headers=(), token='token'):
    request = urllib.request.Request(farm.server + path, headers=dict(headers))
    if token:
        request.add_header('Authorization', 'Bearer ' + (farm.private / token).read_text().strip())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def jpeg_size(data):
    """Width and height, from the frame header."""
    assert data[:2] == b'\xff\xd8' and data[-2:] == b'\xff\xd9', 'no whole JPEG'
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack('>H', data[at + 2:at + 4])[0]
    height, width = struct.unpack('>HH', data[at + 5:at + 9])
    return width, height


def submit(farm, shot, form='png'):
    spec = farm.directory / 'spec.toml'
    spec.write_text(SPEC.format(shot=shot, form=form))
    return int(farm.run_cli('submit', str(spec), '-q').strip())


def done(farm, job):
    return wait(lambda: (row := farm.client.job(job))['state'] in ('done', 'failed', 'cancelled') and row,
                f'job {job} does not end')


def strips(farm, job):
    return farm.client.get(f'/api/v1/jobs/{job}/previews?limit=1000')


def shown(farm, job):
    """Frames that have a picture."""
    frames = set()
    for strip in strips(farm, job)['items']:
        for part in strip['frames'].split(','):
            first, _, last = part.partition('-')
            frames.update(range(int(first), int(last or first) + 1))
    return frames


def pictures_arrive(farm, form):
    job = submit(farm, f'hb_{form}', form)
    assert fetch(farm, f'/api/v1/jobs/{job}/latest.jpg')[0] in (200, 204)
    wait(lambda: shown(farm, job) == set(range(1001, 1045)), 'not all frames have a picture')
    row = done(farm, job)
    assert row['state'] == 'done' and row['frames_published'] == 44, row
    page = strips(farm, job)
    assert page['roots'] == ['main'] and page['next'] is None
    for strip in page['items']:
        status, headers, data = fetch(farm, strip['href'], token='page.token')
        assert status == 200 and headers['Content-Type'] == 'image/jpeg' and 'immutable' in headers['Cache-Control']
        width, height = jpeg_size(data)
        assert width == strip['tile_width'] * strip['columns'] and height % strip['tile_height'] == 0, strip
    assert fetch(farm, page['items'][0]['href'], {'If-None-Match': headers['ETag']})[0] in (200, 304)
    frames = [frame for frame in farm.client.frames(job) if frame['kind'] == 'frame']
    for frame in frames[::7]:
        path = f"/api/v1/jobs/{job}/previews/{frame['root']}/{frame['sha256']}.jpg"
        status, headers, data = fetch(farm, path)
        assert status == 200 and jpeg_size(data) == (page['items'][0]['tile_width'], page['items'][0]['tile_height'])
        assert fetch(farm, path, {'If-None-Match': headers['ETag']})[0] == 304
        assert fetch(farm, path, token=None)[0] == 401
    status, headers, data = fetch(farm, f'/api/v1/jobs/{job}/latest.jpg')
    assert status == 200 and jpeg_size(data)[0] > 0
    return job


def makers(farm):
    """Processes that make previews, of this farm's workers."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        try:
            words = (entry / 'cmdline').read_bytes().split(b'\0')
        except (OSError, ValueError):
            continue
        if b'previews' in words and any(str(farm.frames).encode() in word for word in words):
            found.append(int(entry.name))
    return found


def a_maker_that_dies_harms_nobody(farm):
    job = submit(farm, 'hb_kill')
    killed = 0
    while farm.client.job(job)['state'] not in ('done', 'failed', 'cancelled'):
        for pid in makers(farm):
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    row = farm.client.job(job)
    assert row['state'] == 'done' and row['retries'] == 0, row
    print(f'killed {killed} makers of previews, and the job is done')


def one_that_is_off_makes_none(farm):
    for name in farm.workers:
        farm.processes.kill(name)
        path = farm.private / f'{name}.toml'
        path.write_text(path.read_text() + '[previews]\nenabled = false\n')
        farm.start_worker(name)
    farm.wait_until(lambda: len(farm.usable_workers()) == len(farm.workers), 60, 'the workers have not joined')
    job = submit(farm, 'hb_off')
    assert done(farm, job)['state'] == 'done'
    time.sleep(1)
    assert strips(farm, job)['items'] == [] and fetch(farm, f'/api/v1/jobs/{job}/latest.jpg')[0] == 204
    assert not makers(farm)


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-previews-') as directory:
        farm = DemoFarm(str(pathlib.Path(sys.argv[1]).resolve()), directory, directory)
        farm.set_up()
        try:
            farm.start()
            for form in ('png', 'exr'):
                pictures_arrive(farm, form)
            a_maker_that_dies_harms_nobody(farm)
            one_that_is_off_makes_none(farm)
        finally:
            farm.processes.stop_all()


if __name__ == '__main__':
    main()
