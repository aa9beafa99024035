#!/usr/bin/env python3
"""Programs that are not like the demo's, on a whole farm: they print any bytes, die of what they say is memory, cannot be
started, print while they run, and are given thousands of files with long names. usage: programs_test.py BIN_DIRECTORY
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

PLATES = 4096  # the most that one task may read
LONG = 'plates_of_the_second_unit_with_the_long_name_that_the_ingest_gave_them_' * 2  # 142 bytes before the frame

TOOL = """#!/bin/sh
case "$1" in
  bytes) printf 'caf\\351 na\\357ve \\342\\202' ; printf 'Besch\\344digt\\n' >&2 ; exit 3 ;;
  memory) echo 'java.lang.OutOfMemoryError: out of memory' ; exit 1 ;;
  slow) echo first words ; sleep 4 ; echo last words ; exit 5 ;;
  fine) printf x > "$2" ;;
esac
"""

SPEC = """api = "framemill/v1"
name = "{name}"
show = "test"
shot = "{name}"

[[layer]]
name = "run"
kind = "command"
argv = {argv}
frames = "1"
chunk = 1
retries = {retries}
output = "{name}/v{{version:03}}/out.{{frame:04}}.txt"
"""

MOVIE = """api = "framemill/v1"
name = "movie"
show = "test"
shot = "sh10"
fps = 24

[[layer]]
name = "review"
kind = "encode"
input = [{{root = "main", pattern = "{pattern}", frames = "1-{last}"}}]
output = "movie/v{{version:03}}/review.mp4"
"""


def final(farm, job, seconds=120):
    deadline = time.monotonic() + seconds
    while (view := farm.client.job(job))['state'] not in ('done', 'failed', 'cancelled'):
        assert time.monotonic() < deadline, f'job {job} is still {view["state"]}'
        time.sleep(0.05)
    return view


def said(farm, *arguments):
    done = subprocess.run(farm.cli(*arguments), capture_output=True, text=True)
    assert done.returncode == 0, f'{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}'
    return done.stdout


def submit(farm, place, name, argv, retries=2):
    spec = place / f'{name}.toml'
    spec.write_text(SPEC.format(name=name, argv=json.dumps(argv), retries=retries))
    return farm.submit(spec=spec)


def attempts(farm, job):
    return json.loads(said(farm, 'logs', str(job), '--json'))['items']


def any_bytes(farm, place):
    job = submit(farm, place, 'bytes', ['tool', 'bytes'])
    assert final(farm, job)['state'] == 'failed'
    logs = attempts(farm, job)
    assert len(logs) == 2, f'as many tries as retries say, not {len(logs)}'
    assert 'Besch\ufffddigt' in logs[0]['output_tail'], logs[0]
    assert 'exit status 3' in logs[0]['message'], logs[0]


def words_of_memory(farm, place):
    job = submit(farm, place, 'memory', ['tool', 'memory'])
    assert final(farm, job)['state'] == 'failed'
    assert {log['code'] for log in attempts(farm, job)} == {'command.exit'}


def not_there(farm, place):
    job = submit(farm, place, 'absent', ['absent', '{output}'])
    assert final(farm, job)['state'] == 'failed'
    logs = attempts(farm, job)
    assert [log['code'] for log in logs] == ['command.cannot_start'], f'tried once: {logs}'
    assert str(place / 'absent-program') in logs[0]['message'] and '127' not in logs[0]['message'], logs[0]


def live_log(farm, place):
    job = submit(farm, place, 'slow', ['tool', 'slow'], retries=1)
    follower = subprocess.Popen(farm.cli('logs', str(job), '-f'), stdout=subprocess.PIPE, text=True)
    seen, came = '', {}
    for line in follower.stdout:
        seen += line
        for words in ('first words', 'last words'):
            if words in line:
                came[words] = time.monotonic()
    assert follower.wait() == 0, seen
    # Four seconds lie between the two in the program; far more than one of them in what the follower saw.
    assert came['last words'] - came['first words'] > 2, came
    assert seen.count('first words') == 1 and seen.count('last words') == 1, seen
    assert f'$ {place}/tool slow' in seen and 'exit status 5 after' in seen, seen


def many_long_names(farm, place):
    plates = farm.frames / 'plates'
    plates.mkdir()
    first = plates / f'{LONG}.00001.png'
    subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=c=red:s=32x32', '-frames:v', '1',
                    '-update', '1', str(first)], check=True)
    for frame in range(2, PLATES + 1):
        (plates / f'{LONG}.{frame:05}.png').write_bytes(first.read_bytes())
    spec = place / 'movie.toml'
    spec.write_text(MOVIE.format(pattern=f'plates/{LONG}.{{frame:05}}.png', last=PLATES))
    job = farm.submit(spec=spec)
    view = final(farm, job, 240)
    assert view['state'] == 'done', view
    movie = farm.frames / 'movie/v001/review.mp4'
    count = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'stream=nb_frames', '-of', 'csv=p=0', str(movie)],
                           capture_output=True, text=True, check=True).stdout.strip()
    assert count == str(PLATES), count
    assert len(attempts(farm, job)) == 1, 'made once'


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-programs-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(binaries, temporary, temporary, ('w1',))
        tool = place / 'tool'
        tool.write_text(TOOL)
        tool.chmod(0o755)
        absent = place / 'absent-program'
        absent.write_text('#!/nowhere/perl\n')  # it can be executed, as far as anybody can see
        absent.chmod(0o755)
        try:
            farm.set_up()
            toml = (farm.private / 'w1.toml').read_text()
            farm.write_private('w1.toml', toml + f'[commands]\ntool = {json.dumps(str(tool))}\n'
                                                 f'absent = {json.dumps(str(absent))}\n'
                                                 '[confinement]\nmode = "best_effort"\n')
            farm.start_scheduler()
            farm.start_worker('w1')
            farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
            any_bytes(farm, place)
            words_of_memory(farm, place)
            not_there(farm, place)
            live_log(farm, place)
            many_long_names(farm, place)
        finally:
            farm.processes.stop_all()
    print('programs that print any bytes, speak of memory, are not there, print late, and read 4,096 long names')


main()
