"""Draws bugs: one operator on one random line. See scripts/mutate."""
import json
import pathlib
import random
import re
import sys

from mutation_run import (SURVIVED, TEST_SECONDS_MAX, Tree, git, load, places, results, run, targets_of, tests_of,
                          verdict_of)

# What a slip of the keyboard looks like: (name, pattern, replacement).
OPERATORS = [
    ('less', re.compile(r' < (?!<)'), ' <= '),
    ('less-equal', re.compile(r' <= '), ' < '),
    ('greater', re.compile(r' > '), ' >= '),
    ('greater-equal', re.compile(r' >= '), ' > '),
    ('equal', re.compile(r' == '), ' != '),
    ('unequal', re.compile(r' != '), ' == '),
    ('and', re.compile(r' && '), ' || '),
    ('or', re.compile(r' \|\| '), ' && '),
    ('plus-one', re.compile(r' \+ 1\b'), ''),
    ('minus-one', re.compile(r' - 1\b'), ''),
    ('plus', re.compile(r'(?<=\w) \+ (?=\w)(?!1\b)'), ' - '),
    ('true', re.compile(r'\btrue\b'), 'false'),
    ('false', re.compile(r'\bfalse\b'), 'true'),
    ('not', re.compile(r'(?<=\()!(?=\w)'), ''),
    ('increment', re.compile(r'\+\+'), '--'),
    ('minimum', re.compile(r'std::min\b'), 'std::max'),
    ('maximum', re.compile(r'std::max\b'), 'std::min'),
    ('call-left-out', re.compile(r'^(\s+)[a-z_][\w.]*(?:->|\.|\()[^={}]*\);$'), r'\1;'),
    ('guard-left-out', re.compile(r'^(\s+)if \(.*\) (?:return|continue|break)\b[^{}]*;$'), r'\1;'),
]
# Arithmetic of networks is judged by figures, cards are tried on machines that have one, and of programs' main
# functions only the whole program speaks.
LEFT_OUT = re.compile(r'^(tests|bench|build|training|gpu/(torch|nvml))/|(^|/)\w*main\.cpp$')


def without_words(line):
    """The line with its string literals and its comment blanked out, at equal length: no bug goes into a text."""
    blank = re.sub(r'"(?:[^"\\]|\\.)*"', lambda m: '"' + '_' * (len(m[0]) - 2) + '"', line)
    return re.sub(r'//.*$', lambda m: ' ' * len(m[0]), blank)


def mutants_of(line):
    code = without_words(line)
    for name, pattern, replacement in OPERATORS:
        for match in pattern.finditer(code):
            changed = line[:match.start()] + match.expand(replacement) + line[match.end():]
            if changed != line:
                yield name, changed


def anchored(lines, index, changed):
    """(find, replace) that occurs once in the file: the line with as many lines before it as that takes."""
    text = '\n'.join(lines)
    for above in range(0, 6):
        if above > index:
            break
        before = lines[index - above:index]
        find = '\n'.join([*before, lines[index]])
        if text.count(find) == 1 and "'''" not in find:
            return find, '\n'.join([*before, changed])
    return None


def candidates(top, dice, count):
    """`count` bugs on lines of any kind, each room as often as another, in the order in which they are drawn."""
    known = {(m['file'], m['find'], m['replace']) for m in load(top) if m['list'] != 'drawn'}
    rooms, drawn = {}, []
    for name in sorted(git(top, 'ls-files', '*.cpp').splitlines()):
        if not LEFT_OUT.search(name) and tests_of({'file': name}):
            rooms.setdefault(str(pathlib.PurePath(name).parent), []).append(name)
    for _ in range(1000 * count):
        if len(drawn) == count:
            break
        name = dice.choice(rooms[dice.choice(sorted(rooms))])
        lines = (top / name).read_text().split('\n')
        number = dice.randrange(len(lines)) + 1
        mutants = list(mutants_of(lines[number - 1]))
        if not mutants:
            continue
        operator, changed = dice.choice(mutants)
        anchor = anchored(lines, number - 1, changed)
        if anchor is None or (name, *anchor) in known:
            continue
        known.add((name, *anchor))
        drawn.append((name, number, operator, *anchor))
    return drawn


def covered_lines(tree, names):
    """file -> the lines that test programs run, by gcov's counters. These files alone are built with counters."""
    rooms = sorted({room for name in names for room in tests_of({'file': name})})
    tree.configure(f'-DFRAMEMILL_COUNTED={";".join(str(tree.path / name) for name in names)}')
    try:
        status, output = tree.make(targets_of(rooms))
        if status != 0:
            sys.exit('mutate: the tree does not build with counters: ' + output[-2000:])
        for stale in tree.build.rglob('*.gcda'):
            stale.unlink()
        for room in rooms:
            print(f'running test_{room}', file=sys.stderr, flush=True)
            tree.test(room, TEST_SECONDS_MAX)
        covered = {}
        for data in sorted(tree.build.rglob('*.gcda')):
            status, shown = run(['gcov', '--json-format', '--stdout', str(data)], tree.build, TEST_SECONDS_MAX)
            documents = [json.loads(line) for line in shown.splitlines() if line.startswith('{')]
            for file in (file for document in documents for file in document['files']):
                path = pathlib.Path(tree.build, file['file']).resolve()
                if path.is_relative_to(tree.path) and str(path.relative_to(tree.path)) in names:
                    lines = covered.setdefault(str(path.relative_to(tree.path)), set())
                    lines.update(line['line_number'] for line in file['lines'] if line['count'] > 0)
        return covered
    finally:
        tree.configure('-DFRAMEMILL_COUNTED=')


def main(top, seed, count):
    print(f'# Drawn by scripts/mutate draw --seed {seed} --count {count}: one operator on one line.\n'
          '# Survivors on lines that no test runs were left out (scripts/mutate uncovered).')
    for number, (name, line, operator, find, replace) in enumerate(candidates(top, random.Random(seed), count), 1):
        print(f'{name}:{line} {operator}', file=sys.stderr)
        identity = f"{name.removesuffix('.cpp').replace('/', '-')}-{operator}-{number}"
        print(f"\n[[mutation]]\nid = '{identity}'\nfile = '{name}'\nfind = '''\n{find}'''\nreplace = '''\n{replace}'''")
    return 0


def uncovered(top):
    """Names the drawn bugs that survived on a line that no test runs. One that was found needs no counter."""
    mutations, tree = load(top), Tree(top)
    rows = results(tree.home, tree.path, mutations)
    survivors = [m for m in mutations if m['list'] == 'drawn' and verdict_of(m, rows) == SURVIVED]
    if not survivors:
        return 0
    covered = covered_lines(tree, sorted({m['file'] for m in survivors}))
    for mutation in survivors:
        text = (tree.path / mutation['file']).read_text()
        line = text[:places(text, mutation)[0].end()].count('\n') + 1  # of the snippet the last
        if line not in covered.get(mutation['file'], ()):
            print(f"{mutation['id']}: {mutation['file']}:{line}")
    return 0
