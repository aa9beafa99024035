#!/usr/bin/env python3
"""A file that cannot be written is told of before anything is made for it. usage: score_program_test.py BIN_DIRECTORY"""
import pathlib
import subprocess
import sys
import tempfile


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / 'framemill-score'
    with tempfile.TemporaryDirectory() as place:
        nowhere = pathlib.Path(place, 'nowhere', 'file')
        # No package and no loss log are there either: what is told of is the file.
        for arguments in (['sheet', 'no-package', '-o', nowhere], ['chains', 'no-package', '-o', place],
                          ['curve', 'no-log', '-o', nowhere], ['train-judge', nowhere]):
            ended = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)
            assert ended.returncode == 2, (arguments, ended)
            expected = 'is a directory' if arguments[-1] == place else 'not found'
            assert expected in ended.stderr, (arguments, ended.stderr)


if __name__ == '__main__':
    main()
