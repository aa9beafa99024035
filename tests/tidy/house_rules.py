#!/usr/bin/env python3
"""House rules of the tree that a compiler does not see. usage: house_rules.py TREE"""
import pathlib
import re
import subprocess
import sys

LINES_MAX = 500
CODE = {'.h', '.cpp', '.cu', '.py'}
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX)\b')
MACHINE_PATH = re.compile(r'(^|[^A-Za-z0-9_.])/(work|home/[a-z]+)/[A-Za-z.]')
# In the scheduler's core what must be there is looked up by get(), which stops where it is not (promise P8).
UNCHECKED_LOOKUP = re.compile(r'\*\w+\.(jobs|leases|workers|duties)\.find\(|'
                              r'\.(jobs|leases|workers|duties)\.find\(([^()]|\([^()]*\))*\)->|\*find\(')
# Words of older texts that no native speaker would use there: say "is reported", "requested", "exits with", "again".
OLD_WORDS = re.compile(r'\b(is told|are told|was told|told of|leaves with \d|untold|spoken of|asked for|aboard|shut out|anew|'
                       r'is no (number|message|duration|file|directory|object)|mended)\b', re.IGNORECASE)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
INCLUDE = re.compile(r'^#include.*$', re.MULTILINE)
PACKAGE_HOST = re.compile(r'https?://(registry|files|index|proxy|deb|static|security)\.[a-z]')


def sentences(path, line):
    """What people read of a line: all of a document, of a program its strings."""
    if path.suffix == '.md':
        return [line]
    return STRING.findall(line.split('//')[0]) if path.suffix in {'.h', '.cpp'} else []


def main():
    root = pathlib.Path(sys.argv[1])
    listed = subprocess.run(['git', '-C', str(root), 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = [str(p.relative_to(root)) for p in root.rglob('*') if p.is_file() and 'build' not in p.parts]
    bad, seen = [], 0
    for name in names:
        path = root / name
        if not path.is_file() or path.resolve() == pathlib.Path(__file__).resolve():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # pictures, weights
        seen += 1
        if path.suffix in CODE and text.count('\n') > LINES_MAX:
            bad.append(f'{name}: {text.count(chr(10))} lines; look for the second idea in it (at most {LINES_MAX})')
        if path.suffix == '.h' and '#pragma once' not in text:
            bad.append(f'{name}: no #pragma once')
        if path.suffix == '.h' and not text.startswith('//'):
            bad.append(f'{name}: opens without a paragraph saying what it models')
        own = path.with_suffix('.h')
        if path.suffix == '.cpp' and own.exists():
            first = INCLUDE.search(text)
            if not first or first.group(0) not in {f'#include "{own.relative_to(root)}"', f'#include "{own.name}"'}:
                bad.append(f'{name}: its own header is not what it includes first (that proves that the header compiles alone)')
        for number, line in enumerate(text.splitlines(), 1):
            if path.suffix in CODE and UNFINISHED.search(line):
                bad.append(f'{name}:{number}: unfinished work')
            if name.startswith('scheduler/core/') and UNCHECKED_LOOKUP.search(line):
                bad.append(f'{name}:{number}: what find() returned is used unchecked; get() is for what must be there')
            if not name.startswith('tests/') and any(OLD_WORDS.search(text) for text in sentences(path, line)):
                bad.append(f'{name}:{number}: a word of the list OLD_WORDS')
            if MACHINE_PATH.search(line):
                bad.append(f'{name}:{number}: a path of one machine')
            if PACKAGE_HOST.search(line):
                bad.append(f'{name}:{number}: an address of a package server')
    print('\n'.join(bad))
    print(f'{seen} files, {len(bad)} violations')
    return 1 if bad or seen < 20 else 0


if __name__ == '__main__':
    sys.exit(main())
