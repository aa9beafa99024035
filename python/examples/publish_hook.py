#!/usr/bin/env python3
"""Calls a program for every job that is over. usage: publish_hook.py --state FILE -- PROGRAM [ARGUMENT...]

The program gets a JSON object on standard input: {"job": ..., "frames": [...]}, the job and its published files as
the API shows them. FILE keeps what was handled, so that the hook goes on where it stopped, also after a restart of
the scheduler or of the hook; a program that was interrupted is called again. A program that fails is reported and
called again at the next start."""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List, Optional, Sequence

from framemill import Client, FramemillError

KEPT = 10_000  # handled jobs that are remembered, the newest


class Hook:
    def __init__(self, client: Client, program: Sequence[str], file: pathlib.Path) -> None:
        self.client = client
        self.program = list(program)
        self.file = file
        saved: Dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self.last_id: Optional[str] = saved.get('last_id')
        self.handled: Dict[str, Optional[str]] = saved.get('handled', {})  # by job: when it was over, as handled
        self.is_new = not saved

    def save(self) -> None:
        kept = {job: self.handled[job] for job in sorted(self.handled, key=int)[-KEPT:]}
        temporary = self.file.with_name(self.file.name + '.tmp')
        temporary.write_text(json.dumps({'last_id': self.last_id, 'handled': kept}))
        os.replace(temporary, self.file)

    def handle(self, number: int) -> None:
        job = self.client.job(number)
        # Not final: retried meanwhile, and another event will come. Over at another time: retried since it was handled.
        if not job.is_final or self.handled.get(str(number)) == job.finished:
            return
        frames = [frame.raw for frame in self.client.frames(number) if frame.state == 'published']
        said = subprocess.run(self.program, input=json.dumps({'job': job.raw, 'frames': frames}), text=True)
        if said.returncode == 0:
            self.handled[str(number)] = job.finished
        else:
            print(f'publish_hook: job {number}: the program ended with status {said.returncode}', file=sys.stderr)

    def handle_past(self) -> None:
        """What ended while nobody listened. A new hook takes what is there as handled."""
        for summary in self.client.jobs(live=False, limit=KEPT):
            if self.is_new:
                self.handled[str(summary.id)] = summary.finished
            elif self.handled.get(str(summary.id)) != summary.finished:
                self.handle(summary.id)
        self.is_new = False
        self.save()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--state', required=True, type=pathlib.Path)
    parser.add_argument('program', nargs='+')
    options = parser.parse_args(arguments)
    hook = Hook(Client(), options.program, options.state)
    looked_back: List[bool] = []

    def on_connect() -> None:  # once, when nothing can be missed any more; later connections resume
        if not looked_back:
            hook.handle_past()
            looked_back.append(True)

    for event in hook.client.events(last_id=hook.last_id, patience=3600, on_connect=on_connect):
        hook.last_id = event.id or hook.last_id
        if event.type == 'resync':
            hook.handle_past()
        elif event.job is not None and event.what in ('JobDone', 'JobFailed', 'JobCancelled'):
            hook.handle(event.job)
            hook.save()
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except FramemillError as error:
        sys.exit(f'publish_hook: {error}')
    except KeyboardInterrupt:
        sys.exit(130)
