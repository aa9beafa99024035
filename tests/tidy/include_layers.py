#!/usr/bin/env python3
"""Holds the includes of the tree against layers.txt: arrows between rooms, and which room may include which library."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SOURCES = {'.h', '.cpp', '.cu'}


def read_table(path):
    allowed, libraries = {}, {}
    for line in path.read_text().splitlines():
        line = line.split('#')[0].strip()
        if not line:
            continue
        name, _, rooms = line.partition(':')
        if name.startswith('lib '):
            libraries[name[4:].strip()] = set(rooms.split())
        else:
            allowed[name] = set(rooms.split())
    return allowed, libraries


def room_of(relative, rooms):
    """The longest room name that is a parent of the file."""
    parts = relative.parts[:-1]
    for n in range(len(parts), 0, -1):
        if '/'.join(parts[:n]) in rooms:
            return '/'.join(parts[:n])
    return None


def main():
    root = pathlib.Path(sys.argv[1])
    allowed, libraries = read_table(pathlib.Path(__file__).parent / 'layers.txt')
    tops = {room.split('/')[0] for room in allowed}
    bad, seen = [], 0
    for top in sorted(tops):
        for path in sorted((root / top).rglob('*')):
            if path.suffix not in SOURCES:
                continue
            relative = path.relative_to(root)
            room = room_of(relative, allowed)
            if room is None:
                bad.append(f'{relative}: its directory is no room of layers.txt')
                continue
            seen += 1
            for quote, target in INCLUDE.findall(path.read_text()):
                for library, rooms in libraries.items():
                    if target.startswith(library) and room not in rooms:
                        bad.append(f'{relative}: {room} may not include <{target}>')
                if quote == '<':
                    continue
                other = room_of(pathlib.Path(target), allowed)
                if other is None:
                    bad.append(f'{relative}: "{target}" is not a path from the top of the tree')
                elif other != room and other not in allowed[room]:
                    bad.append(f'{relative}: {room} may not use {other} ("{target}")')
    order_problems = cycles(allowed)
    for line in bad + order_problems:
        print(line)
    print(f'{seen} files, {len(bad) + len(order_problems)} violations')
    return 1 if bad or order_problems or seen < 20 else 0


def cycles(allowed):
    """The table itself must have no cycle."""
    done, problems = set(), []

    def visit(room, trail):
        if room in trail:
            problems.append('cycle: ' + ' -> '.join(trail + [room]))
            return
        if room in done:
            return
        for other in sorted(allowed.get(room, ())):
            visit(other, trail + [room])
        done.add(room)

    for room in allowed:
        visit(room, [])
    return problems


sys.exit(main())
