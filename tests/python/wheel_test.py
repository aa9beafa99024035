#!/usr/bin/env python3
"""`pip install python/` builds and installs a wheel without a network. usage: wheel_test.py"""
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

TREE = pathlib.Path(__file__).resolve().parents[2]


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, **more)
    assert done.returncode == 0, f'{argv}: {done.stdout}{done.stderr}'
    return done.stdout


def main():
    # Nothing may be downloaded: no index, and a proxy that does not exist.
    environment = {**os.environ, 'PIP_NO_INDEX': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PIP_NO_CACHE_DIR': '1',
                   'https_proxy': 'http://127.0.0.1:9', 'http_proxy': 'http://127.0.0.1:9'}
    pip = [sys.executable, '-m', 'pip', '-q']
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        wheels = []
        for name in ('a', 'b'):
            run(*pip, 'wheel', '--no-deps', '-w', str(place / name), str(TREE / 'python'), env=environment)
            wheels += (place / name).iterdir()
        assert [wheel.name for wheel in wheels] == ['framemill-0.1.0-py3-none-any.whl'] * 2, wheels
        assert wheels[0].read_bytes() == wheels[1].read_bytes(), 'the same tree gives another wheel'
        names = set(zipfile.ZipFile(wheels[0]).namelist())
        modules = {f'framemill/{path.name}' for path in (TREE / 'python/framemill').glob('*.py')}
        assert modules | {'framemill/py.typed'} == {name for name in names if name.startswith('framemill/')}, names
        run(*pip, 'install', '--target', str(place / 'installed'), str(TREE / 'python'), env=environment)
        said = run(sys.executable, '-c', 'import framemill; print(framemill.__version__, framemill.__file__)',
                   cwd=directory, env={**environment, 'PYTHONPATH': str(place / 'installed')})
        version, path = said.split()
        assert version == '0.1.0' and path.startswith(str(place / 'installed')), said
        shown = run(*pip[:-1], 'show', 'framemill', env={**environment, 'PYTHONPATH': str(place / 'installed')})
        assert 'Version: 0.1.0' in shown, shown
    left = [path for path in (TREE / 'python').rglob('*') if path.name == 'build' or path.name.endswith('.egg-info')]
    assert not left, f'the tree is not as it was: {left}'
    print('one wheel, without a network')


main()
