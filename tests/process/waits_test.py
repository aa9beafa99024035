#!/usr/bin/env python3
"""Jobs that wait, planned drains and diagnoses, on a whole farm of commands. usage: waits_test.py BIN_DIRECTORY

A job that waits for another one starts when that is done, also when the scheduler is killed meanwhile; one with a start
of its own starts then. A worker whose drain is planned drains by itself, and no task is interrupted. A job that fails is
diagnosed: the line that its program printed, whose fault it is, and what to type.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import zlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"
{head}

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{what}", "{{output}}"]
output = "{name}/v{{version:03}}/p.{{frame:04}}.png"
chunk = 1
retries = 2
{keys}
"""

# paint WHAT OUTPUT: a picture in 0.3 s; `typo` fails at once.
PAINT = """#!/bin/sh
case "$1" in typo) echo "loading"; echo "paint: error: no such option" >&2; exit 2;; esac
sleep 0.3
cp {place}/picture.png "$2"
"""


def png():
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, 'big') + body + zlib.crc32(body).to_bytes(4, 'big')
    header = (16).to_bytes(4, 'big') + (16).to_bytes(4, 'big') + bytes([8, 2, 0, 0, 0])
    rows = b''.join(b'\0' + bytes([40, 120, 200]) * 16 for _ in range(16))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


class Test:
    def __init__(self, farm, place):
        self.farm, self.place = farm, place

    def submit(self, name, keys, head='', what='well', options=()):
        spec = self.place / f'{name}.toml'
        spec.write_text(SPEC.format(name=name, what=what, keys=keys, head=head))
        done = self.say('submit', '-q', str(spec), *options)
        return int(done.split()[0])

    def say(self, *arguments):
        done = subprocess.run(self.farm.cli(*arguments), capture_output=True, text=True)
        assert done.returncode == 0, f'{arguments}: {done.stdout}{done.stderr}'
        return done.stdout

    def job(self, job):
        return self.farm.client.job(job)

    def wait_for(self, job, *states):
        self.farm.wait_until(lambda: self.job(job)['state'] in states, 120, f'job {job} is not {states}')

    def worker(self, name):
        return next(w for w in self.farm.client.workers() if w['name'] == name)


def waiting_jobs(test):
    first = test.submit('first', 'frames = "1-20"')
    second = test.submit('second', 'frames = "1-2"', options=('--after-job', str(first)))
    named = test.submit('named', 'frames = "1-2"', head='after_job = ["second"]')
    later = test.submit('later', 'frames = "1-2"', head='start_after = "3s"')
    for job, reason in ((second, 'after_job'), (named, 'after_job'), (later, 'start_after')):
        assert test.job(job)['state'] == 'queued', test.job(job)
        assert test.job(job)['condition']['kind'] == 'waiting', test.job(job)
        assert reason in test.say('explain', str(job))
    assert 'waiting' in test.say('jobs')
    assert test.job(second)['awaits'] == [{'job': first, 'when': 'done', 'state': test.job(first)['state']}]
    test.farm.processes.kill('scheduler')
    test.farm.start_scheduler()
    test.farm.wait_until(test.farm.client.ready, 20, 'the scheduler is not ready')
    assert test.job(second)['state'] == 'queued', 'it still waits'
    for job in (first, second, named, later):
        test.wait_for(job, 'done')
    moments = {job: test.job(job) for job in (first, second, named, later)}
    assert moments[second]['started'] >= moments[first]['finished'], moments
    assert moments[named]['started'] >= moments[second]['finished'], moments
    at_once = test.submit('never', 'frames = "1"', options=('--start-after', '20h'))
    test.say('resume', str(at_once), '--now')
    test.wait_for(at_once, 'done')


def deadlines(test):
    job = test.submit('wanted', 'frames = "1-2"', options=('--deadline', '30m', '--start-after', '10m'))
    assert not test.job(job)['deadline_at_risk'], test.job(job)
    assert 'deadline ' in test.say('job', str(job))
    test.say('deadline', str(job), '1m', '--reason', 'client visit')
    test.farm.wait_until(lambda: test.job(job)['deadline_at_risk'], 20, 'its deadline is not at risk')
    assert 'at risk' in test.say('job', str(job))
    test.say('deadline', str(job), 'none')
    test.farm.wait_until(lambda: test.job(job)['deadline'] is None, 20, 'it still has a deadline')
    test.say('cancel', str(job))


def planned_drain(test):
    test.say('drain', 'w2', '--in', '2s', '--reason', 'new driver')
    assert 'new driver' in test.say('workers')
    job = test.submit('busy', 'frames = "1-40"')
    test.farm.wait_until(lambda: test.worker('w2')['state'] == 'drained', 60, 'w2 does not drain by itself')
    assert test.worker('w2')['last_change']['reason'] == 'new driver'
    test.wait_for(job, 'done')
    assert all(a['outcome'] == 'ok' for a in test.farm.client.attempts(job) if a['worker'] == 'w2')
    test.say('undrain', 'w2')


def diagnosis(test):
    job = test.submit('bad', 'frames = "1-2"', what='typo')
    test.wait_for(job, 'failed')
    said = test.say('diagnose', str(job))
    assert 'paint: error: no such option' in said, said
    assert 'the work is to blame' in said and f'next: framemill logs {job}' in said, said
    told = json.loads(test.say('diagnose', str(job), '--json'))
    assert told['findings'][0]['blame'] == 'work', told
    waiting = test.submit('waits', 'frames = "1"', head=f'after_job = {job}')
    assert f'framemill retry {job}' in test.say('diagnose', str(waiting))
    test.say('cancel', str(waiting))


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-waits-') as temporary:
        place = pathlib.Path(temporary)
        (place / 'picture.png').write_bytes(png())
        farm = DemoFarm(binaries, temporary, temporary, ('w1', 'w2'))
        try:
            farm.set_up()
            paint = place / 'paint.sh'
            paint.write_text(PAINT.format(place=place))
            paint.chmod(0o755)
            for worker in ('w1', 'w2'):
                toml = (farm.private / f'{worker}.toml').read_text()
                farm.write_private(f'{worker}.toml', toml + f'[commands]\npaint = {json.dumps(str(paint))}\n'
                                   f'[confinement]\nmode = "best_effort"\nread = [{json.dumps(str(place))}]\n')
            farm.start_scheduler()
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            for worker in ('w1', 'w2'):
                farm.start_worker(worker)
            farm.wait_until(lambda: sum(w['state'] == 'up' for w in farm.client.workers()) == 2, 30, 'no two workers')
            test = Test(farm, place)
            waiting_jobs(test)
            deadlines(test)
            planned_drain(test)
            diagnosis(test)
        except BaseException:
            print(f'ended by themselves: {farm.processes.dead()}', file=sys.stderr)
            for log in sorted(farm.logs.iterdir()):
                print(f'--- {log.name}\n{log.read_text()[-4000:]}', file=sys.stderr)
            raise
        finally:
            farm.processes.stop_all()
    print('jobs wait for a time and for each other, a worker drains when that was planned, and a failure is diagnosed')


main()
