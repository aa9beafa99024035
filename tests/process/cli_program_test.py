#!/usr/bin/env python3
"""The framemill program at the edges that only a process has: descriptors, pipes, signals. usage: cli_program_test.py BIN_DIRECTORY"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = str(REPOSITORY / 'configs/jobs/harbor.toml')
FRAMEMILL = str(pathlib.Path(sys.argv[1]).resolve() / 'framemill')


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def shell(command, home, limit=30):
    environment = {'PATH': os.environ['PATH'], 'HOME': home, 'F': FRAMEMILL, 'SAMPLE': SAMPLE}
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, timeout=limit, env=environment, cwd=home)
    return done.returncode, done.stdout, done.stderr


def test_output_that_cannot_be_written_is_told(home):
    for command in ('$F check "$SAMPLE" >/dev/full', '$F --help >/dev/full', '$F version --client --json >/dev/full'):
        status, _, err = shell(command, home)
        check(status == 1 and '[output.write]' in err, f'{command}: {status}: {err}')


def test_a_closed_descriptor_is_no_hole(home):
    status, _, err = shell('$F check "$SAMPLE" >&-', home)
    check(status == 1 and '[output.write]' in err, f'{status}: {err}')
    status, _, err = shell('$F check - <&-', home)
    check(status == 2 and '[file.' in err, f'{status}: {err}')
    status, out, _ = shell('$F check "$SAMPLE" 2>&-', home)
    check(status == 0 and 'hb_0010' in out, f'{status}: {out}')


def test_a_reader_that_leaves_ends_it_quietly(home):
    status, out, err = shell('for i in $(seq 60); do set -- "$@" "$SAMPLE"; done; $F check --json "$@" | head -n 1; echo ${PIPESTATUS[0]}', home)
    check(status == 0 and out.split() == ['{', '141'] and err == '', f'{out}{err}')


def catches(pid, number):
    caught = re.search(r'^SigCgt:\s*(\w+)', pathlib.Path(f'/proc/{pid}/status').read_text(), re.MULTILINE)
    return int(caught.group(1), 16) >> (number - 1) & 1


def test_an_interrupt_ends_what_waits_for_standard_input(home):
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([FRAMEMILL, 'check', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={'HOME': home})
        while not catches(process.pid, number):
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(number)
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        check(process.returncode == 130, f'exit status {process.returncode}')
        check(b'interrupted' in process.stderr.read(), 'it does not say so')
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def test_pipes_are_specs_and_json_is_one_document(home):
    status, out, err = shell('$F check --json <(cat "$SAMPLE") "$SAMPLE" - <"$SAMPLE"', home)
    check(status == 0 and len(json.loads(out)['items']) == 3, f'{status}: {out}{err}')
    status, out, err = shell(r"$F check --json $'\xff\x1b[31m.toml'", home)
    check(status == 2 and '\x1b' not in out + err and json.loads(out) and json.loads(err), f'{status}: {out}{err}')


def main():
    with tempfile.TemporaryDirectory(prefix='framemill-cli-') as home:
        for name, test in list(globals().items()):
            if name.startswith('test_'):
                test(home)
                print('good:', name[5:].replace('_', ' '), flush=True)


main()
