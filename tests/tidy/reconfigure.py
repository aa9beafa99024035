#!/usr/bin/env python3
"""Configures the demo's build twice in a directory of its own: the second time no command that compiles may differ and no
generated source may be written again, or every later demo builds for nothing. usage: reconfigure.py REPOSITORY CMAKE"""
import pathlib
import re
import subprocess
import sys
import tempfile


def commands(build):
    lines = (build / 'build.ninja').read_text().splitlines()
    return [line for line in lines if re.match(r'  (FLAGS|DEFINES|INCLUDES) = ', line)]


def sources(build):
    return {path: path.stat().st_mtime_ns for path in build.rglob('*') if path.suffix in ('.cpp', '.cxx', '.hxx', '.h')}


def main():
    repository, cmake = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory(prefix='framemill-reconfigure-') as directory:
        build = pathlib.Path(directory)
        configure = [cmake, '-S', repository, '--preset', 'release', '-B', directory]
        subprocess.run(configure, check=True, capture_output=True, cwd=repository)
        first, written = commands(build), sources(build)
        assert len(first) > 50, f'{len(first)} compile commands'
        subprocess.run(configure, check=True, capture_output=True, cwd=repository)
        changed = [f'{a}\n{b}' for a, b in zip(first, commands(build)) if a != b]
        again = [str(path) for path, time in sources(build).items() if written.get(path) != time]
    if changed or again:
        sys.exit('the second configure changes commands or sources:\n' + '\n'.join(changed + again))
    print(f'{len(first)} lines of compile commands are the same')


main()
