#!/usr/bin/env python3
"""The dashboard's checked-in bundle: packed from a build, compared with one, held against its sources.

usage: dashboard_bundle.py pack BUILD DIST | compare BUILD DIST | sources DIST

dist/ holds every file of the build, compressed, and SOURCES: the digests of what it was built from. `sources` needs no
Node: it finds a dist/ that somebody forgot to build again.
"""
import gzip
import hashlib
import pathlib
import subprocess
import sys

GZIP_BYTES_MAX = 150_000
PLACES = ('src', 'public', 'index.html', 'package.json', 'package-lock.json', 'vite.config.ts', 'svelte.config.js')


def sources(dashboard):
    """Path and digest of everything that decides the bundle; the generated types decide nothing."""
    found = []
    for place in PLACES:
        top = dashboard / place
        files = sorted(p for p in top.rglob('*') if p.is_file()) if top.is_dir() else [top]
        found += [p for p in files if 'generated' not in p.relative_to(dashboard).parts]
    return ''.join(f'{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(dashboard)}\n' for p in found)


def files_of(build):
    return {str(p.relative_to(build)): p.read_bytes() for p in sorted(build.rglob('*')) if p.is_file()}


def packed(dist):
    return {str(p.relative_to(dist))[:-3]: gzip.decompress(p.read_bytes()) for p in sorted(dist.rglob('*.gz'))}


def pack(build, dist):
    for old in dist.rglob('*.gz'):
        old.unlink()
    total = 0
    for name, content in files_of(build).items():
        target = dist / f'{name}.gz'
        target.parent.mkdir(parents=True, exist_ok=True)
        small = subprocess.run(['gzip', '-9nc'], input=content, stdout=subprocess.PIPE, check=True).stdout
        target.write_bytes(small)
        total += len(small)
    (dist / 'SOURCES').write_text(sources(dist.parent))
    print(f'{dist}: {total} bytes of at most {GZIP_BYTES_MAX}')
    return 0 if total <= GZIP_BYTES_MAX else 1


def compare(build, dist):
    fresh, kept = files_of(build), packed(dist)
    bad = [name for name in sorted(fresh.keys() | kept.keys()) if fresh.get(name) != kept.get(name)]
    for name in bad:
        print(f'dist does not have what the sources give: {name}')
    return report(bool(bad) or not fresh)


def check_sources(dist):
    old = (dist / 'SOURCES').read_text()
    new = sources(dist.parent)
    for line in sorted(set(old.splitlines()) ^ set(new.splitlines())):
        print(f'changed since dist was built: {line[66:]}')
    return report(old != new or not packed(dist))


def report(bad):
    print('scripts/dashboard build makes it again' if bad else 'dist is what its sources give')
    return 1 if bad else 0


def main():
    verb, *paths = sys.argv[1:]
    paths = [pathlib.Path(path).resolve() for path in paths]
    return {'pack': pack, 'compare': compare, 'sources': check_sources}[verb](*paths)


if __name__ == '__main__':
    sys.exit(main())
