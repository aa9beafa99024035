"""Draws bugs: one operator on one random line that the tests cover. See scripts/mutate."""
import json
import pathlib
import random
import re
import subprocess
import sys

from mutation_run import load, tests_of

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
# Arithmetic of pictures and networks is judged by eye and by figures, generated code by its generator, and of programs'
# main functions only the whole program speaks.
LEFT_OUT = re.compile(r'^(tests|bench|build|training)/|(^|/)\w*main\.cpp$')


def covered_lines(top):
    """file -> lines that a test program ran, from a build of its own with gcov's counters."""
    build = top / 'build/coverage'
    subprocess.run(['cmake', '-S', str(top), '-B', str(build), '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Debug',
                    '-DCMAKE_CXX_FLAGS=--coverage -O0', '-DFRAMEMILL_BENCHMARKS=OFF'], check=True, stdout=sys.stderr)
    subprocess.run(['ninja', '-C', str(build)], check=True, stdout=sys.stderr)
    for program in sorted((build / 'bin').glob('test_*')):
        print(f'running {program.name}', file=sys.stderr)
        subprocess.run([str(program)], cwd=top, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=1200)
    covered = {}
    for data in sorted(build.rglob('*.gcda')):
        shown = subprocess.run(['gcov', '--json-format', '--stdout', str(data)], cwd=build, capture_output=True, text=True)
        for document in shown.stdout.splitlines():
            for file in json.loads(document)['files']:
                path = pathlib.Path(build, file['file']).resolve()
                if path.suffix != '.cpp' or not path.is_relative_to(top) or path.is_relative_to(build):
                    continue
                lines = covered.setdefault(str(path.relative_to(top)), set())
                lines.update(line['line_number'] for line in file['lines'] if line['count'] > 0)
    return {name: sorted(lines) for name, lines in covered.items() if not LEFT_OUT.search(name)}


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


def main(top, seed, count):
    known = {(m['file'], m['find'], m['replace']) for m in load(top)}
    dice, covered, drawn = random.Random(seed), covered_lines(top), []
    rooms = {}
    for name in sorted(covered):
        if tests_of({'file': name}):
            rooms.setdefault(str(pathlib.PurePath(name).parent), []).append(name)
    print('# Drawn by scripts/mutate draw --seed', seed)
    for _ in range(100 * count):
        if len(drawn) == count:
            break
        name = dice.choice(rooms[dice.choice(sorted(rooms))])  # each room as often as another
        if not covered[name]:
            continue
        number = dice.choice(covered[name])
        lines = (top / name).read_text().split('\n')
        mutants = list(mutants_of(lines[number - 1]))
        if not mutants:
            continue
        operator, changed = dice.choice(mutants)
        anchor = anchored(lines, number - 1, changed)
        if anchor is None or (name, *anchor) in known:
            continue
        known.add((name, *anchor))
        drawn.append(name)
        identity = f"{name.removesuffix('.cpp').replace('/', '-')}-{operator}-{seed}-{len(drawn)}"
        print(f"\n[[mutation]]\nid = '{identity}'\nfile = '{name}'\nfind = '''\n{anchor[0]}'''\nreplace = '''\n{anchor[1]}'''")
    return 0 if len(drawn) == count else 1
