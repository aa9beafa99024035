"""The sample job twice at `exact`: once in peace, once with kill -9 on a worker and then on the scheduler.

The verdict compares the two by digests recomputed from the files, and says what each kill hit. A kill that hit nothing is
a failure of the test.
"""
import datetime
import subprocess
import sys
import time

from farm_client import FarmError
from farm_processes import processes_of


class Log:
    """Dated lines, on the terminal and in DIR/logs/chaos.log."""

    def __init__(self, path):
        self.file = open(path, 'w')

    def say(self, text):
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z'
        line = f'{stamp}  {text}'
        print(line, flush=True)
        self.file.write(line + '\n')
        self.file.flush()


def leases(farm, worker=None):
    """(worker, slot, lease) of everything that runs."""
    found = []
    for w in farm.client.workers():
        if worker is None or w['name'] == worker:
            for slot in w['slots']:
                found += [(w['name'], slot['name'], lease) for lease in slot['leases']]
    return found


def spell(lease):
    tasks = lease['tasks']
    last = tasks['first'] + tasks['count'] - 1
    span = f"t{tasks['first']}" if tasks['count'] == 1 else f"t{tasks['first']}-t{last}"
    return f"{lease['layer']} variant {lease['variant']} {lease['phase']} {span}, step {lease['step']}/{lease['steps']}"


def wait_for(farm, job, condition, what, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        hit = condition()
        if hit:
            return hit
        if farm.client.job(job)['state'] in ('done', 'failed', 'cancelled'):
            raise RuntimeError(f'the job ended before {what}: a kill would hit nothing')
        time.sleep(0.02)
    raise RuntimeError(f'{what} did not come within {seconds} s')


def kill_worker(farm, job, log):
    def busy():
        # Well inside the job, and in the middle of a window: at least one step done.
        if farm.client.job(job)['tasks']['published'] < 6:
            return None
        return next(((w, s, l) for w, s, l in leases(farm) if l['phase'] == 'denoise' and l['job'] == job
                     and 1 <= l['step'] <= l['steps'] // 2), None)
    while True:
        worker, slot, lease = wait_for(farm, job, busy, 'a worker with a window in the making')
        # What is shown is up to a second old, and a window may not take longer. Stopped, the worker reports nothing more:
        # the window is still in the making where it is still shown when all that was on its way has arrived.
        farm.processes.pause(worker)
        time.sleep(0.1)
        if any(l['attempt'] == lease['attempt'] and l['step'] <= l['steps'] // 2 for _, _, l in leases(farm, worker)):
            break
        farm.processes.resume(worker)
    pid = farm.processes.kill(worker)
    log.say(f"kill -9 worker {worker} (pid {pid}): slot {slot} held {spell(lease)} of attempt {lease['attempt']}")
    farm.start_worker(worker)
    log.say(f'worker {worker} started again')
    return lease


def kill_scheduler(farm, job, log):
    def in_the_middle():
        counts = farm.client.job(job)['tasks']
        held = [lease for _, _, lease in leases(farm) if lease['job'] == job]
        return (counts, held) if counts['published'] + counts['committed'] >= 10 and counts['leased'] >= 1 and held else None
    counts, held = wait_for(farm, job, in_the_middle, 'tasks both committed and leased')
    pid = farm.processes.kill('scheduler')
    log.say(f"kill -9 scheduler (pid {pid}): {counts['published'] + counts['committed']} tasks committed, "
            f"{counts['leased']} leased ({'; '.join(spell(lease) for lease in held[:3])})")
    farm.start_scheduler()
    farm.wait_until(farm.client.ready, 30, 'the scheduler is not ready again')
    log.say('scheduler started again and ready')
    return held


def say_granted_again(farm, job, lease, log):
    """Which tasks of the killed attempt were granted again, from the attempt records; True when the kill hit work."""
    attempts = farm.client.attempts(job)
    lost = next((a for a in attempts if a['id'] == lease['attempt']), None)
    if lost is None:
        log.say(f"attempt {lease['attempt']} was never on record: its grant had not reached the disk")
        return True
    first, count = lost['tasks']['first'], lost['tasks']['count']
    again = [a for a in attempts if a['id'] != lost['id'] and a['layer'] == lost['layer'] and a['phase'] == lost['phase']
             and a['variant'] == lost['variant'] and a['granted'] >= lost['granted']
             and a['tasks']['first'] < first + count and first < a['tasks']['first'] + a['tasks']['count']]
    log.say(f"attempt {lost['id']} ended {lost['outcome']}, {lost['tasks_committed']} of {count} tasks committed; granted "
            'again: ' + ('; '.join(f"{a['id']} t{a['tasks']['first']}+{a['tasks']['count']} to {a['worker']}" for a in again)
                         or 'nothing'))
    return lost['outcome'] != 'ok' and bool(again)


def windows_begun_twice(farm, job):
    """Windows that were granted again after an attempt at them ended badly: at most so many were begun twice."""
    granted = {}
    for a in farm.client.attempts(job):
        if a['phase'] == 'denoise':
            for task in range(a['tasks']['first'], a['tasks']['first'] + a['tasks']['count']):
                granted.setdefault((a['layer'], a['variant'], task), []).append(a['outcome'])
    return sum(len(outcomes) - 1 for outcomes in granted.values())


def doubled_on_disk(farm, job, rows):
    """Frame files in the job's directories that no commit names, and frames that two commits name."""
    named = [farm.frames / row['path'] for row in rows]
    present = {path for directory in {path.parent for path in named} for path in directory.glob('*.exr')}
    return len(present - set(named)) + len(named) - len(set(named))


def make(farm, prompt, log, disturb):
    job = farm.submit(prompt=prompt, reproducibility='exact')
    log.say(f"job {job} submitted ({'with kills' if disturb else 'undisturbed'})")
    if disturb:
        lease = kill_worker(farm, job, log)
        held = kill_scheduler(farm, job, log)
    deadline = time.monotonic() + 600
    while True:
        try:
            view = farm.client.job(job)
        except FarmError:
            view = None
        if view and view['state'] in ('done', 'failed', 'cancelled'):
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f'job {job} did not end within 10 min')
        time.sleep(0.1)
    log.say(f"job {job} is {view['state']}: {view['frames_published']} frames published")
    if disturb:
        view['kill_hit'] = say_granted_again(farm, job, lease, log)
        kept = [a for a in farm.client.attempts(job) if a['id'] in {h['attempt'] for h in held}]
        log.say('leases held over the scheduler\'s death: ' +
                ('; '.join(f"{a['id']} ended {a['outcome']}" for a in kept) or 'none of them was on record'))
        view['held_over'] = sum(a['outcome'] == 'ok' for a in kept)
    return view


def digests(farm, job):
    """(layer, variant, frame) -> digest of the samples, recomputed from the published files; and how many are doubled."""
    rows = [r for r in farm.client.frames(job) if r['kind'] == 'frame' and r['state'] == 'published']
    found = {}
    for start in range(0, len(rows), 200):
        part = rows[start:start + 200]
        paths = [str(farm.frames / r['path']) for r in part]
        done = subprocess.run([str(farm.bin / 'framemill-media'), 'digest', *paths], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'digest: {done.stderr.strip()}')
        for row, line in zip(part, done.stdout.splitlines()):
            sha256, samples = line.split()[:2]
            if sha256 != row['sha256'] or samples != row['samples_sha256']:
                raise RuntimeError(f"{row['path']} is not what was committed")
            found[(row['layer'], row['variant'], row['frame'])] = samples
    return found, doubled_on_disk(farm, job, rows)


def run(farm, prompt, step_line):
    log = Log(farm.logs / 'chaos.log')
    step_line(2, 'the sample job at `exact`, undisturbed and then with two kills')
    peace = make(farm, prompt, log, disturb=False)
    chaos = make(farm, prompt, log, disturb=True)
    expected, _ = digests(farm, peace['id'])
    present, doubled = digests(farm, chaos['id'])
    equal = sum(present.get(key) == digest for key, digest in expected.items())
    wanted = sum(layer['frames'] for layer in chaos['layers'] if layer['kind'] == 'generate')
    twice = windows_begun_twice(farm, chaos['id'])
    if not chaos['kill_hit']:
        log.say('the kill of the worker hit nothing: the attempt that it held ended well')
    farm.processes.stop_all()
    orphans = processes_of(farm.directory)
    if chaos['held_over'] == 0:
        log.say("the kill of the scheduler hit nothing: no lease was held over it and ended well")
    if chaos['retries'] != 0:
        log.say(f"{chaos['retries']} tries ended in a way that is charged to their tasks: a kill is not the task's fault")
    good = (chaos['kill_hit'] and chaos['held_over'] > 0 and chaos['retries'] == 0 and chaos['state'] == 'done'
            and len(present) == wanted == len(expected) == equal and doubled == 0 and not orphans)
    log.say(f'verdict: frames {len(present)}/{wanted}, digests recomputed from the files equal to the undisturbed run '
            f"{equal}/{len(expected)}, windows granted twice {twice}, doubled {doubled}, "
            f"tries charged {chaos['retries']}, orphan processes {len(orphans)}")
    print('\nThe farm kept its promises.' if good else '\nThe farm did NOT keep its promises.',
          f'The log: {farm.named_directory}/logs/chaos.log', file=sys.stdout if good else sys.stderr)
    return 0 if good else 1
