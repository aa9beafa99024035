#!/usr/bin/env python3
"""The Python client and its examples on a real farm. usage: python_client_test.py BIN_DIRECTORY

Builders, submit, wait, events, frames, explain, cancel, pause, priority, retry and workers, over TCP, sync and
async; a wait and an event stream that outlive a kill -9 of the scheduler; every example as a person would run it."""
import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / 'scripts/lib'), str(REPOSITORY / 'python')]
from demo_setup import DemoFarm  # noqa: E402
from framemill import (AsyncClient, CanNeverRun, Client, Conflict, JobCancelled, JobSpec, NotFound,  # noqa: E402
                       SpecInvalid, command, encode, from_layer, generate, sheet)

MODEL, PROMPT = 'demo-clips@1', 'sea at dusk, red boat moving left'


def small(name, frames='1-16', **more):
    return JobSpec(name, show='test', shot='sh10', layers=[
        generate('boards', model=MODEL, prompt=PROMPT, frames=frames, steps=4, format='png', **more)])


def until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


def raises(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f'no {kind.__name__}')


def the_calls_do_what_they_say(farm, client):
    spec = JobSpec('all kinds', show='test', shot='sh10', priority=60, tags=['python'], fps=24, layers=[
        generate('boards', model=MODEL, prompt=PROMPT, frames='1-32', plan='chain', steps=4, variants=2),
        encode('cut', input=[from_layer('boards', variant=1)]),
        sheet('page', input=[from_layer('boards')], every=4)])
    done = client.submit(spec, reason='first')
    job = client.wait(done.job, timeout=120, check=True)
    assert (job.name, job.version, job.priority, job.tags) == ('all kinds', done.version, 60, ('python',)), job
    frames = list(client.frames(job.id))
    assert [f.kind for f in frames].count('frame') == 64 and {f.kind for f in frames} == {'frame', 'movie', 'sheet'}
    for frame in frames:
        data = (farm.frames / frame.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (frame.size_bytes, frame.sha256), frame
    assert len(list(client.frames(job.id, layer='boards', variant=1))) == 32
    assert sum(a.tasks_committed for a in client.attempts(job.id)) == sum(job.tasks.values())
    assert client.plan(job.id)['spec']['layer'][0]['steps'] == 4
    assert client.submit(spec.to_dict(), overrides=[('layer.boards.steps', '2'), ('name', 'again')]).version == 2
    assert [j.name for j in client.jobs(show='test', limit=1)] == ['again']
    assert client.version().principal == 'demo' and {w.name for w in client.workers()} == {'w1', 'w2'}
    assert client.drain('w2', reason='test').state in ('draining', 'drained')
    assert client.undrain('w2').state == 'up'
    [use] = client.usage(show='test')
    assert (use.principal, use.jobs, use.frames_published >= 64) == ('demo', 2, True), use
    assert use.device_us == sum(client.job(j.id).device_us for j in client.jobs()) or use.jobs_live, use
    raises(NotFound, client.job, 9999)
    raises(NotFound, client.drain, 'w9')


def mistakes_come_at_once_with_codes(client):
    bad = JobSpec('bad', show='test', shot='sh10', layers=[
        generate('a', model='demo-clip@1', frames='1-16', prompt=PROMPT),
        generate('b', model=MODEL, frames='1:16', prompt='purple zeppelin', more={'stepz': 3})])
    error = raises(SpecInvalid, client.submit, bad)
    codes = {finding.code for finding in error.errors}
    assert {'spec.unknown_model', 'spec.colon_frames', 'spec.unknown_key'} <= codes, codes
    assert 'stepz' in str(error)
    never = client.submit(JobSpec('never', show='test', shot='sh11', layers=[
        command('c', ['nobody_has_it', '{output}'], frames='1-2')]))
    assert 'nobody_has_it' in raises(CanNeverRun, client.wait, never.job, timeout=60).message
    assert client.explain(never.job).can_never_run
    client.cancel(never.job)


def a_job_is_changed_and_its_end_is_told(client):
    client.drain('w1'), client.drain('w2')
    job = client.submit(small('changed')).job
    assert client.set_priority(job, 90).job == job and client.job(job).priority == 90
    assert client.pause(job, reason='lunch').state == 'paused'
    assert client.explain(job).sentence and client.resume(job).state == 'queued'
    cancelled = client.cancel(job, reason='wrong prompt')
    assert cancelled.state == 'cancelled' and client.wait(job).state == 'cancelled'
    assert raises(JobCancelled, client.wait, job, check=True).job.id == job
    raises(Conflict, client.pause, job)
    client.undrain('w1'), client.undrain('w2')
    assert client.retry(job).tasks > 0
    assert client.wait(job, timeout=120, check=True).state == 'done'


def a_killed_scheduler_is_waited_for(farm, client):
    heard, ready = [], threading.Event()

    def listen():
        for event in client.events(on_connect=ready.set):
            heard.append(event)
            if event.what == 'JobDone' and event.job == jobs[0]:
                return
    jobs = []
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert ready.wait(20)
    jobs.append(client.submit(small('killed', frames='1-320')).job)
    until(lambda: client.job(jobs[0]).frames_published > 0, 'no frame is published')
    result = []
    waiter = threading.Thread(target=lambda: result.append(client.wait(jobs[0], timeout=180)), daemon=True)
    waiter.start()
    time.sleep(0.3)
    farm.processes.kill('scheduler')
    time.sleep(1)
    assert waiter.is_alive() and listener.is_alive()
    farm.start_scheduler()
    waiter.join(200)
    listener.join(30)
    assert result and result[0].state == 'done', result
    assert not listener.is_alive(), 'the event stream did not reach the end'
    whats = [(e.type, e.what) for e in heard]
    assert ('job', 'JobSubmitted') in whats and ('job', 'JobDone') in whats and 'resync' in {t for t, _ in whats}, whats


def the_same_with_asyncio(farm):
    async def run():
        client = AsyncClient(farm.server, token_file=farm.private / 'token')
        jobs = [(await client.submit(small(f'async {n}'))).job for n in range(3)]
        ended = await asyncio.gather(*(client.wait(job, timeout=120, check=True) for job in jobs))
        assert [job.id for job in ended] == jobs
        assert len([frame async for frame in client.frames(jobs[0])]) == 16
        assert [job.id async for job in client.jobs(mine=True, limit=2)] == [jobs[2], jobs[1]]
    asyncio.run(run())


class Example:
    def __init__(self, farm):
        self.environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY / 'python'), 'FRAMEMILL_SERVER': farm.server,
                            'FRAMEMILL_TOKEN_FILE': str(farm.private / 'token')}

    def argv(self, name, *arguments):
        return [sys.executable, str(REPOSITORY / 'python/examples' / name), *map(str, arguments)]

    def run(self, name, *arguments):
        return subprocess.run(self.argv(name, *arguments), capture_output=True, text=True, env=self.environment,
                              timeout=240)

    @contextlib.contextmanager
    def running(self, name, *arguments):
        process = subprocess.Popen(self.argv(name, *arguments), env=self.environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130


def examples_do_what_they_say(farm, client, place):
    example = Example(farm)
    table = place / 'shots.csv'
    table.write_text(f'shot,prompt,frames,priority\nsh20,"{PROMPT}",1-16,70\nsh21,,1-16,\nsh22,purple zeppelin,1-16,\n'
                     f'sh23,"{PROMPT}",1-16,\n')
    done = example.run('shot_list.py', table, '--show', 'list', '--wait')
    assert done.returncode == 1 and 'row 3: prompt missing' in done.stderr and 'row 4: ' in done.stderr, done
    assert {j.shot for j in client.jobs(show='list')} == {'sh20', 'sh23'} and done.stdout.count('is done') == 2, done
    assert example.run('shot_list.py', table, '--show', 'list').stdout.count('submitted before') == 2

    lines = place / 'lines.txt'
    lines.write_text(f'# act one\n{PROMPT}\n\nsnowy hills at night, yellow balloon rising\n')
    done = example.run('storyboard.py', lines, '--show', 'board', '--shot', 'sq1', '--takes', '2')
    assert done.returncode == 0, done
    root, _, path = done.stdout.strip().splitlines()[-1].partition(':')
    assert root == 'main' and (farm.frames / path).read_bytes().startswith(b'\x89PNG'), done

    folder = place / 'hot'
    folder.mkdir()
    (folder / 'good.json').write_text(small('hot').to_json())
    (folder / 'bad.toml').write_text('api = "framemill/v1"\nname = "x"\nshow = "s"\n')
    (folder / 'readme.txt').write_text('not a spec')
    with example.running('watch_folder.py', folder, '--every', '0.2'):
        until(lambda: (folder / 'refused/bad.toml').exists() and list(folder.glob('submitted/*-good.json')),
              'the specs were not taken')
    assert 'spec.no_layers' in (folder / 'refused/bad.toml.errors.txt').read_text()
    assert (folder / 'readme.txt').exists()
    [job] = client.jobs(limit=1)
    assert job.name == 'hot'
    client.wait(job.id, check=True)

    calls, state = place / 'calls', place / 'hook.json'
    hook = ('publish_hook.py', '--state', state, '--', 'sh', '-c', f'cat >> {calls}; echo >> {calls}')
    called = lambda: [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
    with example.running(*hook):
        until(state.exists, 'the hook has not begun')
        first = client.submit(small('hooked')).job
        until(lambda: str(first) in json.loads(state.read_text())['handled'], 'the hook was not called')
    second = client.submit(small('while it was away')).job
    client.wait(second, check=True)
    with example.running(*hook):
        until(lambda: str(second) in json.loads(state.read_text())['handled'], 'the hook has not caught up')
    calls_made = [(call['job']['id'], len(call['frames'])) for call in called()]
    assert calls_made == [(first, 16), (second, 16)], (calls_made, first, second)


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-python-') as directory:
        farm = DemoFarm(pathlib.Path(sys.argv[1]), directory, directory)
        try:
            farm.set_up()
            farm.start()
            client = Client(farm.server, token_file=farm.private / 'token')
            for part, arguments in ((the_calls_do_what_they_say, (farm, client)),
                                    (mistakes_come_at_once_with_codes, (client,)),
                                    (a_job_is_changed_and_its_end_is_told, (client,)),
                                    (a_killed_scheduler_is_waited_for, (farm, client)),
                                    (the_same_with_asyncio, (farm,)),
                                    (examples_do_what_they_say, (farm, client, pathlib.Path(directory)))):
                start = time.monotonic()
                part(*arguments)
                print(f'{part.__name__.replace("_", " ")} ({time.monotonic() - start:.1f} s)', flush=True)
        finally:
            farm.processes.stop_all()


main()
