"""Runs the mutations of tests/mutations on a copy of HEAD. See scripts/mutate."""
import json
import pathlib
import signal
import subprocess
import sys
import time
import tomllib

BUILD_SECONDS_MAX = 900
TEST_SECONDS_MAX = 240  # of one test program; a program that hangs has found the bug
FOUND, SURVIVED, EQUIVALENT, BROKEN = 'found', 'survived', 'equivalent', 'broken'

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
    'scheduler/link': ['scheduler_link', 'wire', 'scheduler_daemon'],
    'scheduler/store': ['scheduler_store', 'scheduler_daemon'],
    'wire': ['wire', 'scheduler_link', 'worker_link'],
    'worker/core': ['worker_core', 'worker_daemon'],
    'worker/daemon': ['worker_daemon'],
    'worker/executor': ['executor'],
    'worker/frames': ['frames', 'executor', 'media'],
    'worker/link': ['worker_link', 'worker_daemon'],
    'worker/media': ['media'],
    'worker/supervisor': ['worker', 'worker_daemon'],
}
# Programs that tests start as children: built together with the test program.
PROGRAMS_OF = {
    'cli': ['framemill'],
    'executor': ['framemill-executor'],
    'media': ['framemill-media'],
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


def planted(text, mutation):
    """The file's text with the bug in it, or None where the snippet does not occur exactly once."""
    if text.count(mutation['find']) != 1:
        return None
    return text.replace(mutation['find'], mutation['replace'])


def tests_of(mutation):
    if 'tests' in mutation:
        return mutation['tests']
    directory = str(pathlib.PurePath(mutation['file']).parent)
    best = max((d for d in TESTS_OF if directory == d or directory.startswith(d + '/')), key=len, default=None)
    return TESTS_OF[best] if best else []


class Tree:
    """A work tree of its own, so that the user's stays as it is while bugs come and go."""

    def __init__(self, top):
        self.top, self.home = top, top / 'build/mutate'
        self.path, self.build = self.home / 'tree', self.home / 'tree/build/dev'
        self.commit = self.git(top, 'rev-parse', 'HEAD')
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            self.git(top, 'worktree', 'prune')
            self.git(top, 'worktree', 'add', '--detach', str(self.path), self.commit)
        self.git(self.path, 'checkout', '--force', '--detach', self.commit)

    @staticmethod
    def git(where, *words):
        return subprocess.run(['git', '-C', str(where), *words], check=True, capture_output=True, text=True).stdout.strip()

    def configure(self):
        run(['cmake', '--preset', 'dev'], self.path, BUILD_SECONDS_MAX)

    def make(self, targets):
        return run(['ninja', '-C', str(self.build), *targets], self.path, BUILD_SECONDS_MAX)


def run(command, where, seconds):
    """(exit status, output); None for a status where it ran past its time."""
    process = subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors='replace', start_new_session=True)
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        subprocess.run(['kill', '-KILL', f'-{process.pid}'], check=False)
        return None, process.communicate()[0]


def first_failure(output):
    for line in output.splitlines():
        if 'FAILED:' in line:
            return line.strip()
    return output.strip().splitlines()[-1] if output.strip() else ''


def targets_of(rooms):
    return [f'test_{room}' for room in rooms] + sorted({p for room in rooms for p in PROGRAMS_OF.get(room, [])})


def try_one(tree, mutation):
    """(verdict, which test program found it, its first words)."""
    path = tree.path / mutation['file']
    original = path.read_text() if path.exists() else ''
    text = planted(original, mutation)
    if text is None:
        return BROKEN, '', 'the snippet does not occur exactly once: anchor it again'
    path.write_text(text)
    try:
        for room in tests_of(mutation):
            status, output = tree.make(targets_of([room]))
            if status != 0:
                return BROKEN, room, 'it does not compile: ' + first_failure(output)
            program = str(tree.build / 'bin' / f'test_{room}')
            status, output = run([program, '--abort'], tree.path, TEST_SECONDS_MAX)
            if status != 0:
                return FOUND, room, 'ran too long' if status is None else first_failure(output)
        return SURVIVED, '', ''
    finally:
        path.write_text(original)


def results(home, commit):
    path, found = home / 'results.jsonl', {}
    if path.exists():
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if row['commit'] == commit:
                found[row['id']] = row
    return found


def report(mutations, rows):
    by_verdict = {}
    for mutation in mutations:
        if 'equivalent' in mutation:
            verdict = EQUIVALENT
        else:
            verdict = rows.get(mutation['id'], {}).get('verdict', 'not run')
        by_verdict.setdefault(verdict, []).append(mutation)
    for verdict in (SURVIVED, BROKEN):
        for mutation in by_verdict.get(verdict, []):
            print(f"{verdict:9} {mutation['id']} ({mutation['file']})  {rows[mutation['id']]['words']}")
    found, survived = len(by_verdict.get(FOUND, [])), len(by_verdict.get(SURVIVED, []))
    print(', '.join(f'{len(all_of)} {verdict}' for verdict, all_of in sorted(by_verdict.items())))
    if found + survived:
        print(f'found {found} of {found + survived}: {100 * found / (found + survived):.1f} %')
    return 0 if not survived and not by_verdict.get(BROKEN) else 1


def main(top, arguments):
    mutations = load(top)
    if arguments.verb == 'list':
        for mutation in mutations:
            note = f"equivalent: {mutation['equivalent']}" if 'equivalent' in mutation else ' '.join(tests_of(mutation))
            print(f"{mutation['list']:8} {mutation['id']:44} {mutation['file']:44} {note}")
        print(f'{len(mutations)} mutations')
        return 0
    tree = Tree(top)
    rows = results(tree.home, tree.commit)
    if arguments.verb == 'report':
        return report(mutations, rows)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    index, count = arguments.shard
    mine = [m for i, m in enumerate(mutations) if i % count == index - 1]
    mine = [m for m in mine if arguments.only in m['id'] or arguments.only in m['file']]
    todo = [m for m in mine if 'equivalent' not in m and (arguments.again or m['id'] not in rows)]
    if arguments.limit:
        todo = todo[:arguments.limit]
    tree.configure()
    rooms = sorted({room for m in todo for room in tests_of(m)})
    print(f'{len(todo)} of {len(mine)} to run; building the tests of {", ".join(rooms)} once without a bug', flush=True)
    status, output = tree.make(targets_of(rooms)) if todo else (0, '')
    if status != 0:
        print(output[-3000:])
        sys.exit('mutate: the tree does not build without a bug')
    for number, mutation in enumerate(todo, 1):
        started = time.monotonic()
        verdict, room, words = try_one(tree, mutation)
        row = {'commit': tree.commit, 'id': mutation['id'], 'verdict': verdict, 'room': room, 'words': words[:300]}
        with open(tree.home / 'results.jsonl', 'a') as log:
            log.write(json.dumps(row) + '\n')
        rows[mutation['id']] = row
        print(f"[{number}/{len(todo)}] {verdict:8} {mutation['id']:44} {room:16} "
              f"{time.monotonic() - started:5.0f} s  {words[:80]}", flush=True)
    return report(mine, rows)
