#!/usr/bin/env python3
"""Whose fault a failure is, on a whole farm of commands. usage: whose_fault_test.py BIN_DIRECTORY

A worker on which a program fails at once stands beside a healthy one: all frames are made, in at most twice the time that
the healthy one needs alone, and the sick one gets no more of the job. A chunk of five frames whose fourth fails loses
that frame alone. Three bad jobs of one artist put no worker aside, and a good job beside them is made. A worker on which
the program is not installed costs no frame.
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
name = "fault"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{what}", "{{chunk_first}}", "{{chunk_last}}", "{{output}}"]
output = "paint/v{{version:03}}/p.{{frame:04}}.png"
{keys}
"""

# paint WHAT FIRST LAST OUTPUT: a picture per frame, 0.3 s each. A worker whose `sick` file exists cannot run it at all;
# `fails_at N` ends before frame N, `typo` at once.
PAINT = """#!/bin/sh
[ -e {place}/sick.{worker} ] && exit 127
case "$1" in typo) echo "paint: no such option" >&2; exit 2;; slow) sleep 60;; esac
frame=$2
while [ "$frame" -le "$3" ]; do
  [ "$1" = "fails_at_$frame" ] && {{ echo "no paint left" >&2; exit 1; }}
  sleep 0.3
  case "$4" in *%*) out=$(printf "$4" "$frame");; *) out=$4;; esac
  cp {place}/picture.png "$out" || exit 3
  frame=$((frame + 1))
done
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

    def submit(self, what, keys):
        spec = self.place / 'fault.toml'
        spec.write_text(SPEC.format(what=what, keys=keys))
        return self.farm.submit(spec=spec)

    def final_state(self, job):
        deadline = time.monotonic() + 240
        while (state := self.farm.client.job(job)['state']) not in ('done', 'failed', 'cancelled'):
            assert time.monotonic() < deadline, f'job {job} is still {state}: {self.farm.client.job(job)}'
            time.sleep(0.05)
        return state

    def wait_for_workers(self, count):
        self.farm.wait_until(lambda: len([w for w in self.farm.client.workers() if w['state'] == 'up']) == count, 30,
                             f'{count} workers are not up')

    def seconds_of(self, keys):
        began = time.monotonic()
        job = self.submit('well', keys)
        assert self.final_state(job) == 'done', self.farm.client.job(job)
        return job, time.monotonic() - began

    def said(self, *arguments):
        done = subprocess.run(self.farm.cli(*arguments), capture_output=True, text=True)
        assert done.returncode == 0, f'{arguments}: {done.stdout}{done.stderr}'
        return done.stdout

    def published(self, job):
        rows = self.farm.client.frames(job)
        return sorted(row['frame'] for row in rows if row['layer'] == 'paint' and row['state'] == 'published')


def sick_worker(test):
    keys = 'frames = "1-24"\nchunk = 1\n'
    test.farm.start_worker('good')
    test.wait_for_workers(1)
    _, alone = test.seconds_of(keys)
    (test.place / 'sick.bad').touch()
    test.farm.start_worker('bad')
    test.wait_for_workers(2)
    job, both = test.seconds_of(keys)
    assert test.published(job) == list(range(1, 25))
    assert both <= 2 * alone + 2, f'{both:.1f} s beside a sick worker, {alone:.1f} s alone'
    lost = [a for a in test.farm.client.attempts(job) if a['worker'] == 'bad']
    assert all(a['outcome'] == 'failed' for a in lost), lost
    assert 0 < len(lost) < 24, f'{len(lost)} tries went to the sick worker'
    assert not any(w['quarantined'] for w in test.farm.client.workers())


def told_of_a_sick_worker(test):
    job = test.submit('well', 'frames = "1-40"\nchunk = 1\n')
    test.farm.wait_until(lambda: any(a['job'] == job for w in test.farm.client.workers() for a in w['set_aside']), 60,
                         'nobody is set aside')
    bad = next(w for w in test.farm.client.workers() if w['name'] == 'bad')
    aside = next(a for a in bad['set_aside'] if a['job'] == job)
    assert '127' in aside['reason'], bad['set_aside']
    assert f'bad gets no more of job {job} paint' in test.said('workers')
    explained = test.said('explain', str(job))
    assert '127' in explained and 'elsewhere' in explained, explained
    (test.place / 'sick.bad').unlink()
    assert test.final_state(job) == 'done'
    assert not any(w['set_aside'] for w in test.farm.client.workers()), 'what is over is forgotten'


def failed_chunk(test):
    job = test.submit('fails_at_4', 'frames = "1-5"\nchunk = 5\nretries = 2\n')
    assert test.final_state(job) == 'failed'
    assert test.published(job) == [1, 2, 3, 5], test.farm.client.job(job)
    failures = test.farm.client.job(job)['failures']
    assert [(f['count'], f['first_frame']) for f in failures] == [(1, 4)], failures
    ran = [a for a in test.farm.client.attempts(job) if a['outcome'] == 'ok']
    again = sum(a['tasks_committed'] for a in ran)
    assert again <= 2, f'the good frames of the chunk are kept: {again} frames were made again, not frame 5 and perhaps 3'


def bad_jobs_of_one(test):
    bad = [test.submit('typo', 'frames = "1-2"\nchunk = 1\n'), test.submit('typo', 'frames = "1-3"\nretries = 2\n'),
           test.submit('slow', 'frames = "1"\ntimeout = "1s"\nretries = 2\n'),
           test.submit('fails_at_1', 'frames = "1-2"\nchunk = 1\n')]
    good = test.submit('well', 'frames = "1-6"\n')
    assert test.final_state(good) == 'done'
    for job in bad:
        assert test.final_state(job) == 'failed'
    assert not any(w['quarantined'] or w['set_aside'] for w in test.farm.client.workers())


def program_missing(test):
    paint, away = test.place / 'paint.bad.sh', test.place / 'paint.away'
    paint.rename(away)
    job = test.submit('well', 'frames = "1-12"\nchunk = 1\nretries = 1\n')
    assert test.final_state(job) == 'done', test.farm.client.job(job)
    assert test.published(job) == list(range(1, 13))
    lost = [a for a in test.farm.client.attempts(job) if a['outcome'] != 'ok']
    assert {(a['worker'], a['code']) for a in lost} <= {('bad', 'command.cannot_start')}, lost
    assert test.farm.client.job(job)['retries'] == 0, 'what was the host\'s fault is not charged'
    away.rename(paint)


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-fault-') as temporary:
        place = pathlib.Path(temporary)
        (place / 'picture.png').write_bytes(png())
        farm = DemoFarm(binaries, temporary, temporary, ('good', 'bad'))
        try:
            farm.set_up()
            for worker in ('good', 'bad'):
                paint = place / f'paint.{worker}.sh'
                paint.write_text(PAINT.format(place=place, worker=worker))
                paint.chmod(0o755)
                toml = (farm.private / f'{worker}.toml').read_text()
                farm.write_private(f'{worker}.toml', toml + f'[commands]\npaint = {json.dumps(str(paint))}\n'
                                   f'[confinement]\nmode = "best_effort"\nread = [{json.dumps(str(place))}]\n')
            farm.start_scheduler()
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            test = Test(farm, place)
            sick_worker(test)
            told_of_a_sick_worker(test)
            failed_chunk(test)
            bad_jobs_of_one(test)
            program_missing(test)
        except BaseException:
            print(f'ended by themselves: {farm.processes.dead()}', file=sys.stderr)
            for log in sorted(farm.logs.iterdir()):
                print(f'--- {log.name}\n{log.read_text()[-4000:]}', file=sys.stderr)
            raise
        finally:
            farm.processes.stop_all()
    print('a sick worker costs no frame, nor one without the program; a failed chunk one frame, three bad jobs no worker')


main()
