#!/usr/bin/env python3
"""Makes a storyboard: takes of every line of a text, on one contact sheet. usage: storyboard.py LINES.txt --show SHOW
--shot SHOT [--takes 4] [--model demo-clips@1]

Prints the sheet's place when it is drawn. Each line becomes a layer with so many takes; empty lines and lines that
begin with # are left out."""
from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from framemill import Client, FramemillError, JobSpec, from_layer, generate, sheet


def storyboard(lines: Sequence[str], show: str, shot: str, model: str, takes: int) -> JobSpec:
    boards = [generate(f'board_{number:02}', model=model, prompt=line, frames='1-16', variants=takes, format='png')
              for number, line in enumerate(lines, 1)]
    page = sheet('sheet', every=8, input=[from_layer(board.name) for board in boards])
    return JobSpec(f'storyboard of {shot}', show=show, shot=shot, layers=[*boards, page])


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file')
    parser.add_argument('--show', required=True)
    parser.add_argument('--shot', required=True)
    parser.add_argument('--takes', type=int, default=4)
    parser.add_argument('--model', default='demo-clips@1')
    options = parser.parse_args(arguments)
    with open(options.file, encoding='utf-8') as stream:
        lines = [line.strip() for line in stream if line.strip() and not line.startswith('#')]
    client = Client()
    submitted = client.submit(storyboard(lines, options.show, options.shot, options.model, options.takes))
    print(f'job {submitted.job}: {len(lines)} boards of {options.takes} takes', flush=True)
    job = client.wait(submitted.job)
    for frame in client.frames(job.id, layer='sheet'):
        if frame.state == 'published':
            print(f'{frame.root}:{frame.path}')
    return 0 if job.state == 'done' else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except FramemillError as error:
        sys.exit(f'storyboard: {error}')
