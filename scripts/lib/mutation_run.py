"""Runs the mutations of tests/mutations on a copy of HEAD. See scripts/mutate."""
import fcntl
import hashlib
import html
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import tomllib

BUILD_SECONDS_MAX = 1800
TEST_SECONDS_MAX = 300  # of one test program without a bug
STOP_SECONDS_MAX = 30
# With a bug a program may take so many times as long as without, and so many seconds more; one that hangs has found it.
HANG_FACTOR, HANG_SECONDS = 4, 30
HANGS = 'hangs in: '
FOUND, SURVIVED, EQUIVALENT, REFUSED = 'found', 'survived', 'equivalent', 'refused by the compiler'

# Which test programs speak for a directory, the nearest first. The longest prefix counts. A test program that is named
# here is built and run as a whole.
TESTS_OF = {
    'base': ['base', 'net', 'jobs', 'scheduler_core', 'cli'],
    'cli': ['cli'],
    'gpu': ['gpu', 'gpu_torch', 'executor'],
    'gpu/nvml': ['nvml'],
    'gpu/torch': ['gpu_torch', 'executor'],
    'jobs': ['jobs', 'scheduler_core', 'scheduler_daemon', 'cli'],
    'models': ['models', 'gpu_torch', 'cli', 'executor'],
    'training/score': ['train'],
    'training': ['train'],
    'monitoring': ['monitoring', 'media', 'cli'],
    'net': ['net', 'scheduler_http', 'cli'],
    'scheduler/core': ['scheduler_core', 'scheduler_daemon'],
    'scheduler/daemon': ['scheduler_daemon'],
    'scheduler/http': ['scheduler_http', 'scheduler_daemon'],
    'scheduler/link': ['scheduler_link', 'scheduler_loop', 'wire', 'scheduler_daemon'],
    'scheduler/loop': ['scheduler_loop', 'scheduler_daemon'],
    'scheduler/store': ['scheduler_store', 'scheduler_daemon'],
    'wire': ['wire', 'scheduler_link', 'worker_link'],
    'worker/core': ['worker_core', 'worker_daemon'],
    'worker/daemon': ['worker_daemon'],
    'worker/executor': ['executor'],
    'worker/frames': ['frames', 'executor', 'media'],
    'worker/link': ['worker_link', 'worker_daemon'],
    'worker/loop': ['worker_loop', 'worker_daemon'],
    'worker/media': ['media'],
    'worker/supervisor': ['worker', 'worker_daemon'],
}
# Programs that tests start as children: built together with the test program.
PROGRAMS_OF = {
    'cli': ['framemill'],
    'executor': ['framemill-executor'],
    'media': ['framemill-media', 'framemill-check'],
    'worker': ['framemill-worker'],
    'worker_daemon': ['framemill-worker', 'framemill-executor', 'framemill-media'],
}


def load(top):
    """All mutations: id, file, find, replace, and perhaps `equivalent` (the reason) or `tests` (other programs)."""
    mutations = []
    for path in sorted((top / 'tests/mutations').glob('*.toml')):
        for entry in tomllib.loads(path.read_text())['mutation']:
            entry['list'] = path.stem
            mutations.append(entry)
    names = [m['id'] for m in mutations]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        sys.exit(f'mutate: the same id twice: {", ".join(doubled)}')
    return mutations


def places(text, mutation):
    """Where the snippet occurs: its words and signs in order, whatever white space a formatter put between them."""
    words = re.findall(r'\w+|[^\w\s]', mutation['find'])
    return list(re.finditer(r'\s*'.join(re.escape(word) for word in words), text))


def planted(text, mutation):
    """The file's text with the bug in it, or None where the snippet does not occur exactly once."""
    found = places(text, mutation)
    if len(found) != 1:
        return None
    return text[:found[0].start()] + mutation['replace'].strip() + text[found[0].end():]


def tests_of(mutation):
    if 'tests' in mutation:
        return mutation['tests']
    directory = str(pathlib.PurePath(mutation['file']).parent)
    best = max((d for d in TESTS_OF if directory == d or directory.startswith(d + '/')), key=len, default=None)
    return TESTS_OF[best] if best else []


class Unusable(Exception):
    """A test program that says nothing about bugs: it does not build, or fails without one."""


class Tree:
    """A work tree of its own, so that the user's stays as it is while bugs come and go."""

    def __init__(self, top):
        self.top, self.home = top, top / 'build/mutate'
        self.path, self.build = self.home / 'tree', self.home / 'tree/build/dev'
        self.commit = git(top, 'rev-parse', 'HEAD')
        self.home.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.home / 'lock', 'w')
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit('mutate: another run is at work in build/mutate')
        if not self.path.exists():
            git(top, 'worktree', 'prune')
            git(top, 'worktree', 'add', '--detach', str(self.path), self.commit)
        git(self.path, 'checkout', '--force', '--detach', self.commit)
        self.seconds = {}  # test program -> how long it takes without a bug

    def configure(self, *words):
        command = ['cmake', '--preset', 'dev', '-DCMAKE_VERIFY_INTERFACE_HEADER_SETS=OFF', '-DFRAMEMILL_WERROR=OFF',
                   *words]
        status, output = run(command, self.path, BUILD_SECONDS_MAX)
        if status != 0:
            sys.exit('mutate: cmake fails: ' + output[-2000:])

    def make(self, targets):
        return run(['ninja', '-C', str(self.build), *targets], self.path, BUILD_SECONDS_MAX)

    def test(self, room, seconds, *words):
        program = str(self.build / 'bin' / f'test_{room}')
        return run([program, '--abort', '--reporter', 'xml', *words], self.path, seconds)

    def measure(self, room):
        """Builds and runs a test program without a bug: it must pass, and its time is the measure for a hang."""
        if room in self.seconds:
            if self.seconds[room] is None:
                raise Unusable(f'test_{room} cannot be used')
            return
        self.seconds[room] = None
        print(f'building and running test_{room} without a bug', flush=True)
        status, output = self.make(targets_of([room]))
        if status != 0:
            raise Unusable(f'test_{room} does not build without a bug: {output[-2000:]}')
        for _ in range(3):  # a busy machine makes a timing slip
            started = time.monotonic()
            status, output = self.test(room, TEST_SECONDS_MAX)
            if status == 0:
                self.seconds[room] = time.monotonic() - started
                return
        raise Unusable(f'test_{room} fails without a bug: {last_case(output)}')


def git(where, *words):
    return subprocess.run(['git', '-C', str(where), *words], check=True, capture_output=True, text=True).stdout.strip()


def run(command, where, seconds):
    """(exit status, output); None for a status where it ran past its time."""
    process = subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors='replace', start_new_session=True,
                               env=os.environ | {'RC_PARAMS': 'seed=20261122'})
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, process.communicate()[0]
    except BaseException:
        # Stopped. Ninja ends its compilers before it ends: one that went on would read the file after it was put right,
        # and ccache would keep the result as that of the bug.
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        raise


def last_case(output):
    """(name, source file) of the test case that Catch's XML names last: with --abort the one that failed."""
    cases = re.findall(r'<TestCase name="([^"]*)"[^>]*? filename="([^"]*)"', output)
    return (html.unescape(cases[-1][0]), html.unescape(cases[-1][1])) if cases else ('', '')


def as_pattern(name):
    return re.sub(r'([,\[\]"\\*])', r'\\\1', name)


def first_error(output):
    return next((line.strip() for line in output.splitlines() if ' error: ' in line), output.strip()[-200:])


def targets_of(rooms):
    return [f'test_{room}' for room in rooms] + sorted({p for room in rooms for p in PROGRAMS_OF.get(room, [])})


def fails(tree, room):
    """(whether the test program fails with the bug in, the case, its source). A failure counts that comes twice."""
    allowed = HANG_SECONDS + HANG_FACTOR * tree.seconds[room]
    status, output = tree.test(room, allowed)
    case, source = last_case(output)
    if status is None:
        return True, HANGS + case, source
    if status == 0:
        return False, '', ''
    status, _ = tree.test(room, allowed, as_pattern(case))
    if status == 0:  # not by itself, perhaps with what ran before
        status, output = tree.test(room, allowed)
        case, source = last_case(output)
    return status != 0, case, source


def try_one(tree, mutation, rooms):
    """The row of results: verdict, which test program and case found it, and what the verdict depends on."""
    path = tree.path / mutation['file']
    original = path.read_text()
    row = {'commit': tree.commit, 'id': mutation['id'], 'verdict': SURVIVED, 'room': '', 'case': '', 'source': ''}
    try:
        for room in rooms:
            path.write_text(original)
            tree.measure(room)
            path.write_text(planted(original, mutation))
            status, output = tree.make(targets_of([room]))
            if status != 0:
                row |= {'verdict': REFUSED, 'case': first_error(output)}
                break
            failed, case, source = fails(tree, room)
            if failed:
                source = os.path.relpath(tree.build / source, tree.path) if source else ''
                row |= {'verdict': FOUND, 'room': room, 'case': case, 'source': source}
                break
    finally:
        path.write_text(original)
    return row | {'digest': digest(tree.path, mutation, row)}


def digest(top, mutation, row):
    """Of what a verdict depends on: the bug, its file and, where no test found it, all tests of its rooms. A row counts
    as long as this digest is the same and the test case that found the bug is still there."""
    sum_of = hashlib.sha256()
    for part in (mutation['file'], mutation['find'], mutation['replace']):
        sum_of.update(part.encode() + b'\0')
    names = [mutation['file']]
    if row['verdict'] == SURVIVED:
        directories = [f'tests/{room}' for room in tests_of(mutation)] + ['tests/support', 'tests/scenarios']
        names += [str(p.relative_to(top)) for d in directories for p in sorted((top / d).rglob('*')) if p.is_file()]
    for name in names:
        path = top / name
        sum_of.update(name.encode() + b'\0' + (path.read_bytes() if path.is_file() else b'') + b'\0')
    return sum_of.hexdigest()


def has_case(top, row):
    path, title = top / row['source'], row['case'].removeprefix(HANGS)
    return path.is_file() and title in path.read_text().replace('\\"', '"')


def results(home, top, mutations):
    """The last row of each bug whose verdict still counts for the files under `top`."""
    path, rows = home / 'results.jsonl', {}
    by_id = {m['id']: m for m in mutations}
    for line in path.read_text().splitlines() if path.exists() else []:
        row = json.loads(line)
        mutation = by_id.get(row['id'])
        if mutation and row['digest'] == digest(top, mutation, row) and (row['verdict'] != FOUND or has_case(top, row)):
            rows[row['id']] = row
    return rows


def verdict_of(mutation, rows):
    return EQUIVALENT if 'equivalent' in mutation else rows.get(mutation['id'], {}).get('verdict', 'not run')


def counted(mutations, rows):
    """(found, of how many, words) of a part of the list."""
    verdicts = [verdict_of(m, rows) for m in mutations]
    found, survived = verdicts.count(FOUND), verdicts.count(SURVIVED)
    share = f'{100 * found / (found + survived):.1f} %' if found + survived else '-'
    others = ', '.join(f'{verdicts.count(v)} {v}' for v in (EQUIVALENT, REFUSED, 'not run') if v in verdicts)
    return f'found {found} of {found + survived} ({share})' + (f'; {others}' if others else '')


def report(mutations, rows):
    for mutation in mutations:
        verdict = verdict_of(mutation, rows)
        if verdict in (SURVIVED, REFUSED):
            print(f"{verdict}: {mutation['id']} ({mutation['file']}) {rows[mutation['id']]['case'][:100]}")
    rooms = sorted({str(pathlib.PurePath(m['file']).parent) for m in mutations})
    for room in rooms:
        print(f'{room:20}', counted([m for m in mutations if str(pathlib.PurePath(m['file']).parent) == room], rows))
    for name in sorted({m['list'] for m in mutations}):
        print(f'{name:20}', counted([m for m in mutations if m['list'] == name], rows))
    print(f"{'all':20}", counted(mutations, rows))
    return 0 if all(verdict_of(m, rows) in (FOUND, EQUIVALENT, REFUSED) for m in mutations) else 1


def check(top, mutations):
    """Whether each bug can be planted: its file is there, holds the snippet once, and a test program speaks for it."""
    bad = []
    for mutation in mutations:
        path, where = top / mutation['file'], f"{mutation['list']}.toml: {mutation['id']}"
        if not path.is_file():
            bad.append(f"{where}: there is no file {mutation['file']}")
        elif planted(path.read_text(), mutation) is None:
            times = len(places(path.read_text(), mutation))
            bad.append(f"{where}: the snippet occurs {times} times in {mutation['file']}, not once: anchor it again")
        elif mutation['find'] == mutation['replace']:
            bad.append(f'{where}: the bug changes nothing')
        elif not tests_of(mutation):
            bad.append(f"{where}: no test program is named for {mutation['file']}")
        else:
            bad += [f'{where}: there are no tests {room}' for room in tests_of(mutation)
                    if not (top / 'tests' / room / 'CMakeLists.txt').is_file()]
    print('\n'.join(bad + [f'{len(mutations)} bugs, {len(bad)} that cannot be planted']))
    return 1 if bad or not mutations else 0


def main(top, arguments):
    mutations = load(top)
    if arguments.verb == 'check':
        return check(top, mutations)
    rows = results(top / 'build/mutate', top, mutations)
    if arguments.verb == 'list':
        for mutation in mutations:
            words = mutation.get('equivalent') or rows.get(mutation['id'], {}).get('case', '')
            print(f"{mutation['list']:8} {mutation['id']:44} {verdict_of(mutation, rows):10} {words}")
        return 0
    if arguments.verb == 'report':
        return report(mutations, rows)
    return run_all(top, arguments, mutations)


def run_all(top, arguments, mutations):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tree = Tree(top)
    if check(tree.path, mutations) != 0:
        sys.exit('mutate: anchor these again, and commit: a run works on HEAD')
    rows = results(tree.home, tree.path, mutations)
    index, count = arguments.shard
    mine = [m for i, m in enumerate(mutations) if i % count == index - 1]
    mine = [m for m in mine if arguments.only in m['id'] or arguments.only in m['file']]
    nearest = [tests_of(m)[0] for m in mine]  # a test program is built when its first bug comes: the busiest first
    mine.sort(key=lambda m: (-nearest.count(tests_of(m)[0]), tests_of(m)[0]))
    todo = [m for m in mine if 'equivalent' not in m and (arguments.again or m['id'] not in rows)]
    if arguments.limit:
        todo = todo[:arguments.limit]
    print(f'{len(todo)} of {len(mine)} to run', flush=True)
    if todo:
        tree.configure()
    for number, mutation in enumerate(todo, 1):
        started = time.monotonic()
        rooms = tests_of(mutation)[:1] if arguments.nearest else tests_of(mutation)
        try:
            row = try_one(tree, mutation, rooms)
        except Unusable as fault:
            print(f"[{number}/{len(todo)}] not run  {mutation['id']}: {fault}", flush=True)
            continue
        if row['verdict'] != SURVIVED or rooms == tests_of(mutation):
            rows[mutation['id']] = row
            with open(tree.home / 'results.jsonl', 'a') as log:
                log.write(json.dumps(row) + '\n')
        print(f"[{number}/{len(todo)}] {row['verdict']:8} {mutation['id']:44} {row['room']:16} "
              f"{time.monotonic() - started:5.0f} s  {row['case'][:80]}", flush=True)
    return report(mine, rows)
