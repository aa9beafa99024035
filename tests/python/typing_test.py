#!/usr/bin/env python3
"""mypy --strict finds nothing in the client and its examples, for the oldest and the newest Python. usage:
typing_test.py

Needs the mypy that scripts/bootstrap installs; status 77 without it. A mistake planted in a copy shows that it
looks."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]


def mypy_directory():
    asked = subprocess.run(['bash', '-c', '. scripts/lib/bootstrap.sh && have_mypy && echo "$mypy_dir"'], cwd=TREE,
                           capture_output=True, text=True)
    return asked.stdout.strip()


def check(directory, place, version):
    return subprocess.run([sys.executable, '-m', 'mypy', '--python-version', version, '--no-incremental'], cwd=place,
                          capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': directory, 'MYPYPATH': '.', 'PYTHONDONTWRITEBYTECODE': '1'})


def main():
    directory = mypy_directory()
    if not directory:
        print('mypy is not installed; run scripts/bootstrap mypy')
        return 77
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary) / 'python'
        shutil.copytree(TREE / 'python', place)
        for version in ('3.9', '3.13'):
            done = check(directory, place, version)
            print(f'Python {version}: {done.stdout.strip()}{done.stderr}')
            if done.returncode != 0:
                return 1
        client = place / 'examples/storyboard.py'
        client.write_text(client.read_text().replace('takes: int) -> JobSpec', 'takes: str) -> JobSpec'))
        if check(directory, place, '3.9').returncode == 0:
            print('a wrong type is not found')
            return 1
    return 0


sys.exit(main())
