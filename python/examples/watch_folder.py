#!/usr/bin/env python3
"""Submits every spec that is put into a folder. usage: watch_folder.py FOLDER [--once] [--every 2]

Files *.toml and *.json are taken once they have not changed for a second, and moved to FOLDER/submitted, with the job's
number before the name, or to FOLDER/refused beside a file NAME.errors.txt. While the scheduler is away they stay.
"""
from __future__ import annotations

import argparse
import hashlib
import pathlib
import sys
import time
from typing import Optional, Sequence

from framemill import Busy, Client, FramemillError, SpecInvalid, Unreachable

SETTLED_S = 1.0


def take(client: Client, path: pathlib.Path) -> None:
    content = path.read_bytes()
    key = hashlib.sha256(path.name.encode() + b'\0' + content).hexdigest()  # moving may fail after the submit
    try:
        done = client.submit(path, idempotency_key=key, reason=f'watch folder {path.parent.name}', patience=5)
    except (SpecInvalid, UnicodeDecodeError) as error:
        target = path.parent / 'refused' / path.name
        target.parent.mkdir(exist_ok=True)
        target.with_name(path.name + '.errors.txt').write_text(f'{error}\n', encoding='utf-8')
        print(f'{path.name}: refused, see {target}.errors.txt', file=sys.stderr)
    else:
        target = path.parent / 'submitted' / f'{done.job}-{path.name}'
        target.parent.mkdir(exist_ok=True)
        print(f'{path.name}: job {done.job}', flush=True)
    path.replace(target)


def look(client: Client, folder: pathlib.Path) -> int:
    taken = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in ('.toml', '.json') or not path.is_file():
            continue
        if time.time() - path.stat().st_mtime < SETTLED_S:
            continue
        try:
            take(client, path)
            taken += 1
        except (Unreachable, Busy) as error:
            print(f'{path.name}: later: {error}', file=sys.stderr)
            break
        except OSError as error:
            print(f'{path.name}: {error}', file=sys.stderr)
    return taken


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('--once', action='store_true', help='look once and end')
    parser.add_argument('--every', type=float, default=2.0, help='seconds between looks')
    options = parser.parse_args(arguments)
    client = Client()
    while True:
        look(client, options.folder)
        if options.once:
            return 0
        time.sleep(options.every)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except FramemillError as error:
        sys.exit(f'watch_folder: {error}')
    except KeyboardInterrupt:
        sys.exit(130)
