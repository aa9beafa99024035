#!/usr/bin/env python3
"""Submits one job per row of a CSV file. usage: shot_list.py SHOTS.csv --show SHOW [--model demo-clips@1] [--wait]

The first row names the columns: shot, prompt and frames are required; sequence, priority, seed and plan may be
there. Every row is tried; rows that the scheduler refuses are printed with all their mistakes, and the exit status
is then 1. Run again, the same rows of the same file are not submitted twice: each has a key made of the file's name
and the row's text."""
from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from typing import Dict, List, Optional, Sequence

from framemill import Client, FramemillError, JobSpec, SpecInvalid, generate


def spec_of(row: Dict[str, str], show: str, model: str) -> JobSpec:
    def given(column: str) -> Optional[str]:
        return (row.get(column) or '').strip() or None

    missing = [column for column in ('shot', 'prompt', 'frames') if given(column) is None]
    if missing:
        raise ValueError(f'{" and ".join(missing)} missing')
    seed, priority = given('seed'), given('priority')
    layer = generate('comp', model=model, prompt=given('prompt'), frames=given('frames'), plan=given('plan'),
                     seed=int(seed) if seed else None)
    return JobSpec(f'{show} {row["shot"].strip()}', show=show, sequence=given('sequence'), shot=given('shot'),
                   priority=int(priority) if priority else None, layers=[layer])


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file')
    parser.add_argument('--show', required=True)
    parser.add_argument('--model', default='demo-clips@1')
    parser.add_argument('--wait', action='store_true', help='until all are done')
    options = parser.parse_args(arguments)
    client = Client()
    jobs: List[int] = []
    refused = 0
    with open(options.file, newline='', encoding='utf-8-sig') as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            key = hashlib.sha256(repr((options.file, options.show, options.model, number, row)).encode()).hexdigest()
            try:
                done = client.submit(spec_of(row, options.show, options.model), idempotency_key=key,
                                     reason=f'row {number} of {options.file}')
            except (SpecInvalid, ValueError) as error:
                refused += 1
                print(f'row {number}: {error}', file=sys.stderr)
                continue
            jobs.append(done.job)
            note = ' (submitted before)' if done.repeated else ''
            print(f'row {number}: job {done.job}, version {done.version}{note}')
    failed = 0
    for job in jobs if options.wait else []:
        state = client.wait(job).state
        failed += state != 'done'
        print(f'job {job} is {state}')
    return 1 if refused or failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except FramemillError as error:
        sys.exit(f'shot_list: {error}')
