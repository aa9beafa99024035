#!/usr/bin/env python3
"""The dashboard in a real browser, over a real farm at work. usage: dashboard_test.py BIN_DIRECTORY [OUT]

Starts a farm with people of all roles, then monitoring/dashboard/tests/browser/run.ts in Node with Debian's Chromium. That
program says on its standard output what the farm is to do (one JSON object in a line that begins with @) and reads the
answer from its standard input. Screenshots go to OUT, by default dashboard-screenshots beside the programs' directory.
Status 77: there is no Node or no Chromium here.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm, toml_text  # noqa: E402

PAGE = REPOSITORY / 'monitoring/dashboard'
HOSTILE = '<img src=x onerror="window.hacked=1">{{7*7}}'
PEOPLE = {'root': 'admin', 'ana': 'artist', 'eve': 'artist', 'vic': 'viewer'}

# paint WHAT FRAME SECONDS OUTPUT PICTURE
PAINT = """#!/bin/sh
case "$1$2" in bad7|bad8) echo '<script>window.hacked=1</script> no paint left' >&2; exit 1;; esac
sleep "$3"
cp "$5" "$4"
"""
COMMAND = """api = "framemill/v1"
name = "{name}"
show = "{show}"
sequence = "sq10"
shot = "{shot}"
tags = {tags}
priority = {priority}

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{what}", "{{frame}}", "{seconds}", "{{output}}", "{picture}"]
frames = "{frames}"
chunk = 1
retries = 1
output = "{show}/{shot}/v{{version:03}}/p.{{frame:04}}.png"
"""
GENERATE = """api = "framemill/v1"
name = "boards"
show = "harbor"
sequence = "hb"
shot = "hb_0010"
shot_range = "1001-1044"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "{prompt}"
frames = "1001-1044"
plan = "chain"
steps = {steps}
format = "png"
"""


def png():
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, 'big') + body + zlib.crc32(body).to_bytes(4, 'big')
    header = (16).to_bytes(4, 'big') + (16).to_bytes(4, 'big') + bytes([8, 2, 0, 0, 0])
    rows = b''.join(b'\0' + bytes([40, 120, 200]) * 16 for _ in range(16))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


class Stage:
    """The farm, and what the browser's program may have it do."""

    def __init__(self, binaries, place):
        self.place = place
        self.farm = DemoFarm(binaries, str(place), str(place))

    def set_up(self):
        farm = self.farm
        farm.set_up()
        entries = (farm.private / 'tokens.toml').read_text()
        for number, (person, role) in enumerate(PEOPLE.items()):
            token = farm.private / f'person{number}.token'
            entries += farm.run_cli('keys', 'token', '--principal', person, '--role', role, '--out', str(token))
        # The command line makes no such names, but the file may have them.
        farm.write_private('tokens.toml', entries.replace('"eve"', toml_text(HOSTILE)))
        tool, self.picture = self.place / 'paint', farm.frames / 'picture.png'
        tool.write_text(PAINT)
        tool.chmod(0o755)
        self.picture.write_bytes(png())
        for name in farm.workers:
            path = farm.private / f'{name}.toml'
            path.write_text(path.read_text() + f'[[slot]]\nname = "cpu1"\ndevice = "cpu0"\nthreads = 1\n'
                            f'[commands]\npaint = {toml_text(tool)}\n')
        farm.start()

    def tokens(self):
        return {person: (self.farm.private / f'person{number}.token').read_text().strip()
                for number, person in enumerate(PEOPLE)}

    def act(self, do, **how):
        return getattr(self, 'do_' + do)(**how)

    def submit(self, text, person):
        spec = self.place / 'spec.toml'
        spec.write_text(text)
        number = list(PEOPLE).index(person)
        arguments = [str(self.farm.bin / 'framemill'), 'submit', str(spec), '-q', '--server', self.farm.server,
                     '--token-file', str(self.farm.private / f'person{number}.token')]
        done = subprocess.run(arguments, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'submit: {done.stderr}')
        return int(done.stdout)

    def do_paint(self, shot, show='night_market', name='comp', what='well', frames='1-24', seconds=0.3, tags=(), priority=50,
                 person='ana'):
        return self.submit(COMMAND.format(name=name, show=show, shot=shot, what=what, frames=frames, seconds=seconds,
                                          tags=json.dumps(list(tags)), priority=priority, picture=self.picture), person)

    def do_generate(self, steps=20, prompt='sea at dusk, red boat moving left'):
        return self.submit(GENERATE.format(steps=steps, prompt=prompt), 'ana')

    def do_cli(self, words):
        return self.farm.run_cli(*words)

    def do_stop_scheduler(self):
        self.farm.processes.kill('scheduler')

    def do_start_scheduler(self):
        self.farm.start_scheduler()
        self.farm.wait_until(self.farm.client.ready, 30, 'the scheduler is not ready')


def node():
    script = f'. {REPOSITORY}/scripts/lib/bootstrap.sh; echo "$node_dir/bin/node"'
    path = subprocess.run(['bash', '-c', script], capture_output=True, text=True, cwd=REPOSITORY).stdout.strip()
    return path if os.access(path, os.X_OK) else None


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    out = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else binaries.parent / 'dashboard-screenshots'
    chromium = shutil.which('chromium')
    if not node() or not chromium:
        print('there is no Node or no Chromium: scripts/bootstrap installs both')
        return 77
    subprocess.run([REPOSITORY / 'scripts/dashboard', 'install'], check=True)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='framemill-page-') as directory:
        stage = Stage(binaries, pathlib.Path(directory))
        try:
            stage.set_up()
            setting = {'server': stage.farm.server, 'tokens': stage.tokens(), 'out': str(out), 'chromium': chromium,
                       'hostile': HOSTILE}
            browser = subprocess.Popen([node(), 'tests/browser/run.ts', json.dumps(setting)], cwd=PAGE, text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for line in browser.stdout:
                if not line.startswith('@'):
                    print(line, end='', flush=True)
                    continue
                try:
                    reply = {'value': stage.act(**json.loads(line[1:]))}
                except (RuntimeError, OSError) as error:
                    reply = {'error': str(error)}
                browser.stdin.write(json.dumps(reply) + '\n')
                browser.stdin.flush()
            return browser.wait()
        finally:
            stage.farm.processes.stop_all()


if __name__ == '__main__':
    sys.exit(main())
