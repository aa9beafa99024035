#!/usr/bin/env python3
"""/metrics of a scheduler with real work, held against its API. usage: metrics_test.py BIN_DIRECTORY

What a scrape says equals what the API says; promtool accepts it; every name in the rules and in the dashboard is one
that this scheduler exports; who may scrape is as configured; ten thousand jobs add no series. Needs the promtool that
scripts/bootstrap installs; status 77 without it.
"""
import concurrent.futures
import http.client
import json
import pathlib
import re
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
name = "%s"
show = "test"
shot = "sh10"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "1-64"
steps = 4
format = "png"
"""
# Nobody has the program: it waits, blocked.
BLOCKED = """api = "framemill/v1"
name = "blocked"
show = "test"
shot = "sh%d"

[[layer]]
name = "paint"
kind = "command"
argv = ["nobody_has_it", "{output}"]
frames = "1-3"
"""
MANY = 10_000  # live jobs: the most that a scheduler takes
NAME = re.compile(r'\b(?:framemill|process)_[a-z0-9_]+')


def promtool():
    asked = subprocess.run(['bash', '-c', '. scripts/lib/bootstrap.sh && have_promtool && echo "$promtool"'],
                           cwd=REPOSITORY, capture_output=True, text=True)
    return asked.stdout.strip()


def get(farm, token=None, path='/metrics', headers=()):
    """Status, content type, text."""
    request = urllib.request.Request(farm.server + path, headers=dict(headers))
    if token:
        request.add_header('Authorization', 'Bearer ' + (farm.private / token).read_text().strip())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.headers['Content-Type'], response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers['Content-Type'], error.read().decode()


class Scrape:
    def __init__(self, farm, token='viewer.token'):
        status, self.kind, self.text = get(farm, token)
        assert status == 200, (status, self.text)
        self.values = {}
        for line in self.text.splitlines():
            if line and not line.startswith('#'):
                series, _, value = line.rpartition(' ')
                assert series not in self.values, f'{series} stands there twice'
                self.values[series] = float(value)

    def __getitem__(self, series):
        return self.values[series]

    def by(self, name, label):
        found = re.compile(re.escape(name) + r'\{' + label + r'="([^"]*)"\}')
        return {m.group(1): value for series, value in self.values.items() if (m := found.fullmatch(series))}

    def names(self):
        return {series.split('{')[0] for series in self.values}


def tally(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def without_zeros(values):
    return {key: value for key, value in values.items() if value}


def equal_in_the_end(farm, expected):
    """Views are published within about a second: both sides are asked until they agree."""
    deadline = time.monotonic() + 20
    while True:
        wanted = expected()
        scrape = Scrape(farm)
        got = {key: read(scrape) for key, (read, _) in wanted.items()}
        if got == {key: value for key, (_, value) in wanted.items()}:
            return scrape
        differ = {key: (got[key], value) for key, (_, value) in wanted.items() if got[key] != value}
        assert time.monotonic() < deadline, differ
        time.sleep(0.3)


def figures_equal_the_api(farm):
    jobs = [farm.submit(spec=write(farm, SPEC % f'job {n}')) for n in range(3)]
    for job in jobs:
        farm.wait_until(lambda: farm.client.job(job)['state'] == 'done', 120, f'job {job} is not done')
    blocked = farm.submit(spec=write(farm, BLOCKED % 11))
    paused = farm.submit(spec=write(farm, BLOCKED % 12))
    farm.run_cli('pause', str(paused))
    farm.run_cli('drain', 'w2')
    attempts = [a for job in jobs for a in farm.client.attempts(job)]
    live = [blocked, paused]

    def expected():
        summaries = list(farm.client.pages('/api/v1/jobs'))
        views = [farm.client.job(job) for job in live]
        tasks = {}
        for view in views:
            for state, count in view['tasks'].items():
                tasks[state] = tasks.get(state, 0) + count
        return {
            'jobs': (lambda s: without_zeros(s.by('framemill_jobs', 'state')), tally(j['state'] for j in summaries)),
            'conditions': (lambda s: without_zeros(s.by('framemill_jobs_with_condition', 'condition')),
                           tally(v['condition']['kind'] for v in views if v['condition'])),
            'tasks': (lambda s: s.by('framemill_tasks', 'state'), tasks),
            'blocked': (lambda s: without_zeros(s.by('framemill_tasks_blocked', 'reason')), {'blocked': 3, 'held': 3}),
            'workers': (lambda s: without_zeros(s.by('framemill_workers', 'state')),
                        tally(w['state'] for w in farm.client.workers())),
            'slots': (lambda s: without_zeros(s.by('framemill_slots', 'state')), {'idle': 1}),
            'granted': (lambda s: s['framemill_attempts_granted_total'], len(attempts)),
            'ended': (lambda s: without_zeros(s.by('framemill_attempts_ended_total', 'outcome')),
                      tally(a['outcome'] for a in attempts)),
            'committed': (lambda s: s['framemill_tasks_committed_total'], sum(a['tasks_committed'] for a in attempts)),
            'first grants': (lambda s: s['framemill_job_queue_wait_seconds_count'], len(jobs)),
        }
    scrape = equal_in_the_end(farm, expected)
    for use, key in (('useful', 'compute_us'), ('load', 'load_us'), ('lost', 'lost_us')):
        wanted = sum(a['usage'][key] for a in attempts) / 1e6
        assert abs(scrape[f'framemill_device_seconds_total{{use="{use}"}}'] - wanted) < 1e-3, (use, wanted)
    version = farm.client.get('/api/v1/version')
    assert scrape[f'framemill_build_info{{version="{version["version"]}",api="framemill/v1"}}'] == 1
    assert scrape['framemill_ready'] == 1 and scrape['framemill_epoch'] == version['epoch']
    store = farm.private / 'data/jobs.db'
    assert scrape['framemill_store_size_bytes'] == store.stat().st_size
    assert scrape['framemill_store_commit_seconds_count'] == scrape['framemill_store_transactions_total'] > 0
    assert scrape['framemill_loop_turn_seconds_count'] > scrape['framemill_store_commit_seconds_count']
    assert scrape['framemill_event_delivery_seconds_count'] > 0
    assert scrape['framemill_link_peers_admitted_total'] >= 2 and scrape['framemill_link_messages_received_total'] > 10
    assert scrape['framemill_http_responses_total{code="201"}'] == 5
    assert 0 < scrape['process_start_time_seconds'] <= time.time() and scrape['process_open_fds'] > 5
    return scrape


def write(farm, text):
    path = farm.directory / 'spec.toml'
    path.write_text(text)
    return path


def who_may_scrape(farm):
    assert get(farm)[0] == 401, 'a stranger may scrape'
    assert get(farm, 'viewer.token')[:2] == (200, 'text/plain; version=0.0.4; charset=utf-8')
    assert get(farm, 'viewer.token', '/metrics?x=1')[0] == 400
    farm.processes.stop_all()
    config = farm.private / 'scheduler.toml'
    config.write_text(config.read_text() + '[metrics]\nloopback_without_token = true\n'
                      '[limits]\nlive_jobs_per_user = 10000\n'
                      '[http_limits]\nrequests_per_second_per_token = 100000\nrequests_at_once_per_token = 64\n')
    farm.start_scheduler()
    farm.wait_until(farm.client.ready, 20, 'the scheduler is not ready')
    assert get(farm)[0] == 200, 'this host may not scrape'
    assert get(farm, headers={'X-Forwarded-For': '10.0.0.1'})[0] == 401, 'a proxy may scrape for others'
    assert get(farm, headers={'Forwarded': 'for=10.0.0.1'})[0] == 401
    assert get(farm, path='/api/v1/jobs')[0] == 401, 'other paths are open, too'


def submit_many(farm, first, count):
    host, port = farm.server.removeprefix('http://').split(':')
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    headers = {'Authorization': 'Bearer ' + (farm.private / 'token').read_text().strip(),
               'Content-Type': 'application/toml'}
    for number in range(first, first + count):
        connection.request('POST', '/api/v1/jobs', BLOCKED % number, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 201, response.status


def many_jobs_add_no_series(farm):
    submit_many(farm, 99, 1)
    before = Scrape(farm)
    live = sum(before[f'framemill_jobs{{state="{state}"}}'] for state in ('queued', 'running', 'paused'))
    shares = [(MANY - int(live) + n) // 8 for n in range(8)]  # as many in all as a farm may have
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: submit_many(farm, (n + 1) * 10_000, shares[n]), range(8)))
    deadline = time.monotonic() + 120
    while sum(Scrape(farm).by('framemill_tasks', 'state').values()) != 3 * MANY:
        assert time.monotonic() < deadline, 'the jobs are not all shown'
        time.sleep(0.5)
    start = time.monotonic()
    after = Scrape(farm)
    took = time.monotonic() - start
    new = set(after.values) - set(before.values)
    assert not new and len(after.text) < 1.2 * len(before.text), new
    print(f'{len(after.values)} series, {len(after.text)} bytes with {MANY} jobs; a scrape took {took * 1000:.0f} ms')


def check_names(scrape):
    rules = (REPOSITORY / 'configs/prometheus/rules.yml').read_text()
    board = json.loads((REPOSITORY / 'configs/grafana/framemill.json').read_text())
    expressions = [target['expr'] for panel in board['panels'] for target in panel.get('targets', [])]
    assert len(expressions) > 30
    expressions.append(board['templating']['list'][1]['query']['query'])
    manual = re.findall(r'^\| `([a-z_]+)', (REPOSITORY / 'docs/metrics.md').read_text(), re.M)
    for where, text in (('rules', rules), ('dashboard', '\n'.join(expressions))):
        unknown = set(NAME.findall(text)) - scrape.names()
        assert not unknown, f'{where}: {unknown} are not exported'
        for name, label, _, words in re.findall(r'(framemill_\w+)\{[^}]*?\b(\w+)(=~?|!~?)"([a-z_|]+)"', text):
            known = scrape.by(name, label)
            for word in words.split('|'):
                assert word in known or label == 'code', f'{where}: {name} has no {label}="{word}"'
    family = {re.sub(r'_(bucket|sum|count)$', '', name) if 'seconds' in name else name for name in scrape.names()}
    assert family == set(manual), f'docs/metrics.md: {family ^ set(manual)}'


def main():
    tool = promtool()
    if not tool:
        print('promtool is not installed; run scripts/bootstrap promtool')
        return 77
    for arguments in (['check', 'rules', REPOSITORY / 'configs/prometheus/rules.yml'],
                      ['test', 'rules', REPOSITORY / 'tests/metrics/rules_test.yml']):
        done = subprocess.run([tool, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, f'{arguments}: {done.stdout}{done.stderr}'
    with tempfile.TemporaryDirectory(prefix='framemill-metrics-') as directory:
        farm = DemoFarm(pathlib.Path(sys.argv[1]), directory, directory)
        try:
            farm.set_up()
            entry = farm.run_cli('keys', 'token', '--principal', 'prometheus', '--role', 'viewer', '--out',
                                 str(farm.private / 'viewer.token'))
            tokens = farm.private / 'tokens.toml'
            farm.write_private('tokens.toml', tokens.read_text() + entry)
            farm.start()
            scrape = figures_equal_the_api(farm)
            done = subprocess.run([tool, 'check', 'metrics'], input=scrape.text, capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, f'promtool: {done.stdout}{done.stderr}'
            check_names(scrape)
            who_may_scrape(farm)
            many_jobs_add_no_series(farm)
        finally:
            farm.processes.stop_all()
    return 0


sys.exit(main())
