#!/usr/bin/env python3
"""Holds the includes of the tree against layers.txt: arrows between rooms, and which room may include which library.
A row allows only what some file of its room includes. Inside a room no files include each other in a circle, and no two
folders include each other."""
import collections
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


def unit_of(path):
    """A header, its source and their private half (X_impl) are one thing."""
    return re.sub(r'(_impl)?\.(h|cpp|cu)$', '', path)


def circles(graph):
    """Groups of nodes each of which leads to every other (Tarjan), the largest first."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            group = stack[stack.index(node):]
            del stack[len(stack) - len(group):]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found, key=len, reverse=True)


def main():
    root = pathlib.Path(sys.argv[1])
    allowed, libraries = read_table(pathlib.Path(__file__).parent / 'layers.txt')
    tops = {room.split('/')[0] for room in allowed}
    bad, seen, used = [], 0, collections.defaultdict(set)
    units, folders = collections.defaultdict(set), collections.defaultdict(set)
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
            used[room]
            for quote, target in INCLUDE.findall(path.read_text()):
                for library, rooms in libraries.items():
                    if target.startswith(library) and room not in rooms:
                        bad.append(f'{relative}: {room} may not include <{target}>')
                if quote == '<':
                    continue
                other = room_of(pathlib.Path(target), allowed)
                if unit_of(target) != unit_of(str(relative)):
                    units[unit_of(str(relative))].add(unit_of(target))
                if pathlib.Path(target).parent != relative.parent:
                    folders[str(relative.parent)].add(str(pathlib.Path(target).parent))
                if other is None:
                    bad.append(f'{relative}: "{target}" is not a path from the top of the tree')
                elif other != room and other not in allowed[room]:
                    bad.append(f'{relative}: {room} may not use {other} ("{target}")')
                else:
                    used[room].add(other)
    for room, others in allowed.items():
        if room not in used:
            bad.append(f'layers.txt: {room} has no files')
        bad += [f'layers.txt: nothing in {room} includes {other}; the row need not allow it'
                for other in sorted(others - used[room])]
    order_problems = cycles(allowed)
    include_circles = circles(units)
    mutual = [(a, b) for a in sorted(folders) for b in sorted(folders[a]) if a < b and a in folders.get(b, ())]
    for line in bad + order_problems:
        print(line)
    for group in include_circles:
        print(f'{len(group)} files include each other in a circle: {", ".join(group)}')
    for a, b in mutual:
        print(f'the folders {a} and {b} include each other')
    print(f'{seen} files, {len(bad) + len(order_problems)} violations, {len(include_circles)} circles, '
          f'{len(mutual)} mutual pairs of folders')
    return 1 if bad or order_problems or include_circles or mutual or seen < 20 else 0


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
