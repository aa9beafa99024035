#!/usr/bin/env python3
"""Hostile neighbours of a whole farm of commands. usage: doors_test.py BIN_DIRECTORY

While a job runs, with a scheduler that may open 400 files: connections without a token, idle, half asked and half sent, lock nobody out; fifty viewers that ask
without a pause do not stop the frames; a second worker with the first one's key is refused, is shown, and takes over when
the first is gone. A key that is taken away at a reload is heard no more. Files that others can write and ports beyond
loopback are refused.
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "doors"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}"]
frames = "1-%d"
chunk = 1
output = "paint/v{version:03}/p.{frame:04}.png"
"""

PAINT = """#!/bin/sh
echo "$1" >> {place}/painted
sleep 0.1
exec ffmpeg -nostdin -v error -y -f lavfi -i "color=c=0xa0a0a0:s=32x32" -frames:v 1 -update 1 "$(printf "$2" "$1")"
"""


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


def submit(farm, place, frames):
    spec = place / 'job.toml'
    spec.write_text(SPEC % frames)
    return farm.submit(spec=spec)


def seconds_of(farm, place, frames):
    start = time.monotonic()
    job = submit(farm, place, frames)
    until(lambda: farm.client.job(job)['state'] == 'done', 180, f'job {job} is not done')
    return time.monotonic() - start


def only_worker(farm):
    [worker] = farm.client.workers()
    return worker


class Strangers:
    """Connections that show no token: kept open as long as the server lets them."""

    def __init__(self, server, opening, count):
        host, port = server.removeprefix('http://').split(':')
        self.sockets = []
        for _ in range(count):
            connection = socket.create_connection((host, int(port)), timeout=5)
            try:
                connection.sendall(opening)
            except OSError:
                pass  # it had to go already
            self.sockets.append(connection)

    def close(self):
        for connection in self.sockets:
            connection.close()


def strangers_lock_nobody_out(farm):
    openings = [b'', b'GET /api/v1/jobs HT', b'GET /api/v1/jobs HTTP/1.1\r\nX: ',
                b'POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nhalf']
    crowds = []
    for opening in openings:
        crowds.append(Strangers(farm.server, opening, 1024 if opening == b'' else 300))
        start = time.monotonic()
        done = subprocess.run(farm.cli('jobs'), capture_output=True, text=True)
        assert done.returncode == 0, f'{opening}: {done.stderr}'
        assert time.monotonic() - start < 10, f'{opening}: an answer took {time.monotonic() - start:.1f} s'
    # The scheduler may open few files, and keeps a share of them for workers.
    farm.processes.kill('w1')
    until(lambda: only_worker(farm)['state'] == 'silent', 40, 'a killed worker is not silent')
    crowds.append(Strangers(farm.server, b'', 1024))
    farm.start_worker('w1')
    until(lambda: only_worker(farm)['state'] == 'up', 40, 'a worker does not get in')
    for crowd in crowds:
        crowd.close()


class Viewers(threading.Thread):
    """Asks without a pause, with a token of its own, until it is told to stop."""

    def __init__(self, farm, token):
        super().__init__(daemon=True)
        self.farm, self.token, self.over, self.answers = farm, token, False, {}

    def run(self):
        paths = ['/api/v1/jobs?limit=1000', '/api/v1/workers', '/api/v1/jobs/1', '/api/v1/jobs/1/frames?limit=1000',
                 '/api/v1/jobs/1/attempts?limit=1000', '/api/v1/jobs/1/explain']
        while not self.over:
            for path in paths:
                request = urllib.request.Request(self.farm.server + path)
                request.add_header('Authorization', 'Bearer ' + self.token)
                try:
                    with urllib.request.urlopen(request, timeout=20) as response:
                        response.read()
                        code = response.status
                except urllib.error.HTTPError as error:
                    code = error.code
                    time.sleep(0.05)
                self.answers[code] = self.answers.get(code, 0) + 1


def viewer_tokens(farm):
    """Five new tokens; more viewers with one token would be held to its share."""
    names = [f'viewer{i}.token' for i in range(5)]
    entries = [farm.run_cli('keys', 'token', '--principal', f'viewer{i}', '--role', 'viewer', '--out',
                            str(farm.private / name)) for i, name in enumerate(names)]
    with open(farm.private / 'tokens.toml', 'a') as tokens:
        tokens.write(''.join(entries))
    reload(farm, '7 tokens')
    return [(farm.private / name).read_text().strip() for name in names]


def viewers_do_not_stop_the_frames(farm, place):
    alone = seconds_of(farm, place, 12)
    viewers = [Viewers(farm, token) for token in viewer_tokens(farm) for _ in range(10)]
    for viewer in viewers:
        viewer.start()
    watched = seconds_of(farm, place, 12)
    for viewer in viewers:
        viewer.over = True
    for viewer in viewers:
        viewer.join()
    answers = {}
    for viewer in viewers:
        for code, count in viewer.answers.items():
            answers[code] = answers.get(code, 0) + count
    print(f'12 frames: {alone:.1f} s alone, {watched:.1f} s with 50 viewers, who got {answers}')
    assert set(answers) <= {200, 429, 503}, answers
    assert answers.get(200, 0) > 0
    # The viewers and the farm share this machine's processors.
    assert watched < 10 * alone + 10, f'{watched:.1f} s with viewers, {alone:.1f} s without'


def one_key_on_two_hosts(farm, place):
    shutil.copy(farm.private / 'w1.key', farm.private / 'copy.key')
    os.chmod(farm.private / 'copy.key', 0o600)
    text = (farm.private / 'w1.toml').read_text()
    farm.write_private('copy.toml', text.replace('name = "w1"', 'name = "copy"').replace('"w1.key"', '"copy.key"'))
    (place / 'painted').unlink()
    job = submit(farm, place, 30)
    until(lambda: (place / 'painted').exists(), 30, 'nothing is painted')
    farm.start_worker('copy')
    until(lambda: only_worker(farm)['other_address'], 30, 'the second process is not shown')
    until(lambda: farm.client.job(job)['state'] == 'done', 120, f'job {job} is not done')
    worker = only_worker(farm)
    assert worker['name'] == 'w1' and worker['address'] == '127.0.0.1', worker
    lost = [a for a in farm.client.attempts(job) if a['outcome'] != 'ok']
    assert not lost, f'the first process lost work: {lost}'
    painted = sorted(int(n) for n in (place / 'painted').read_text().split())
    assert painted == list(range(1, 31)), f'painted twice: {painted}'
    assert 'its key is in use by another worker process' in (farm.logs / 'copy.log').read_text()
    shown = subprocess.run(farm.cli('workers'), capture_output=True, text=True).stdout
    assert 'shows its key too and is refused' in shown, shown
    # The first is gone: the second takes over without waiting for anything to time out.
    farm.processes.kill('w1')
    start = time.monotonic()
    until(lambda: only_worker(farm)['name'] == 'copy' and only_worker(farm)['state'] == 'up', 60, 'no one took over')
    print(f'the second took over after {time.monotonic() - start:.1f} s')
    assert time.monotonic() - start < 14, 'it waited for silence'
    # A restart of the same worker costs nothing either.
    farm.processes.kill('copy')
    start = time.monotonic()
    farm.start_worker('w1')
    until(lambda: only_worker(farm)['name'] == 'w1' and only_worker(farm)['state'] == 'up', 60, 'w1 is not back')
    assert time.monotonic() - start < 14, 'it waited for silence'


def scheduler_log(farm):
    return (farm.logs / 'scheduler.log').read_text()


def reload(farm, expected):
    before = len(scheduler_log(farm))
    farm.processes.running['scheduler'].send_signal(signal.SIGHUP)
    until(lambda: expected in scheduler_log(farm)[before:], 20, f'the log does not say "{expected}"')


def keys_and_files(farm):
    keys = farm.private / 'workers.keys'
    os.chmod(keys, 0o660)
    reload(farm, 'workers.keys cannot be used and was not read again')
    assert f'chmod go-w {keys}' in scheduler_log(farm), 'the log does not say what to run'
    check = [str(farm.bin / 'framemill-scheduler'), '--check-config', '--config', str(farm.private / 'scheduler.toml')]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 78 and 'keys.permissions' in done.stderr, done
    doctor = subprocess.run(farm.cli('doctor', '--config', str(farm.private / 'scheduler.toml')), capture_output=True,
                            text=True)
    assert doctor.returncode == 78 and f'chmod go-w {keys}' in doctor.stdout, doctor
    os.chmod(keys, 0o600)
    known = keys.read_text()
    farm.write_private('workers.keys', '# nobody\n')
    reload(farm, 'read again for SIGHUP: 0 worker keys')
    until(lambda: only_worker(farm)['state'] == 'silent', 40, 'a worker without its key is still heard')
    farm.write_private('workers.keys', known)
    reload(farm, 'read again for SIGHUP: 1 worker keys')
    until(lambda: only_worker(farm)['state'] == 'up', 40, 'the worker is not heard again')
    # A port beyond loopback.
    text = (farm.private / 'scheduler.toml').read_text()
    farm.write_private('open.toml', text.replace('tcp://127.0.0.1', 'tcp://0.0.0.0'))
    check[-1] = str(farm.private / 'open.toml')
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 78 and 'net.not_loopback' in done.stderr, done
    done = subprocess.run([check[0], *check[2:]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and 'net.not_loopback' in done.stderr, done


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-doors-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        paint = place / 'paint.sh'
        paint.write_text(PAINT.format(place=place))
        paint.chmod(0o755)
        farm.set_up()
        with open(farm.private / 'w1.toml', 'a') as config:
            # It notes its calls outside of its staging directory.
            config.write(f'[commands]\npaint = {json.dumps(str(paint))}\n'
                         f'[confinement]\nmode = "best_effort"\nwrite = [{json.dumps(str(place))}]\n')
        try:
            scheduler = [str(farm.bin / 'framemill-scheduler'), '--config', str(farm.private / 'scheduler.toml')]
            farm.processes.start('scheduler', ['sh', '-c', 'ulimit -n 400 && exec "$0" "$@"', *scheduler],
                                 farm.logs / 'scheduler.log')
            farm.start_worker('w1')  # its slot needs no executor for commands
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            assert 'at most 206 HTTP connections are served' in scheduler_log(farm), scheduler_log(farm)
            until(lambda: farm.client.workers(), 30, 'the worker has not joined')
            viewers_do_not_stop_the_frames(farm, place)
            strangers_lock_nobody_out(farm)
            one_key_on_two_hosts(farm, place)
            keys_and_files(farm)
        finally:
            farm.processes.stop_all()


main()
