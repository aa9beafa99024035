#!/usr/bin/env python3
"""The demo's farm: one scheduler and two workers on free ports of this machine, the sample job, and what it leaves behind.

Called by scripts/demo once everything is installed and built; see there for the options.
"""
import argparse
import ctypes
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from demo_setup import DemoFarm  # noqa: E402
import demo_chaos  # noqa: E402
from farm_client import FarmError  # noqa: E402


class Stopped(Exception):
    pass


def on_signal(number, _frame):
    raise Stopped(signal.Signals(number).name)


def parse_arguments():
    parser = argparse.ArgumentParser(prog='scripts/demo')
    parser.add_argument('--bin', required=True)
    parser.add_argument('--out', required=True, help='the directory as the user named it, for messages')
    parser.add_argument('--directory', required=True, help='the same, absolute')
    parser.add_argument('--tree', default='', help='how the user reaches this tree from where the demo was started; empty: .')
    parser.add_argument('--built', default='', help="the user's --bin")
    parser.add_argument('--steps', type=int, default=6)
    parser.add_argument('--prompt')
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--chaos', action='store_true')
    arguments = parser.parse_args()
    if arguments.chaos and arguments.keep:
        parser.error('--chaos always stops its farm: leave --keep out')
    return arguments


def end_with_parent():
    """A display of a demo that was killed must not go on writing over the user's terminal."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def follow(farm, job):
    """The progress display of the command line itself, until the job is final; its exit status is the job's."""
    log = farm.logs / 'follow.log'
    with open(log, 'w') as errors:  # what it says when it is interrupted is not so here: the farm stops as well
        follower = subprocess.Popen(farm.cli('follow', str(job)), stderr=errors, preexec_fn=end_with_parent)
    try:
        status = follower.wait()
    finally:
        if follower.poll() is None:
            follower.terminate()
            follower.wait()
    if status not in (0, 3, 5):
        raise RuntimeError(f'framemill follow: exit status {status}: {log.read_text(errors="replace").strip()}')
    return status


def collect(farm, job):
    """Links movie and sheet to where a person looks first, writes manifest.json and SHA256SUMS; returns the file rows."""
    rows = [row for row in farm.client.frames(job['id']) if row['state'] == 'published']
    for row in rows:
        source = farm.frames / row['path']
        for kind, name in (('movie', 'cut.mp4'), ('sheet', 'sheet.png')):
            if row['kind'] == kind:
                target = farm.directory / name
                temporary = target.with_suffix('.tmp')
                shutil.copyfile(source, temporary)
                temporary.replace(target)
    manifest = farm.directory / 'manifest.json'
    subprocess.run(farm.cli('frames', str(job['id']), '--manifest', str(manifest)), check=True, stdout=subprocess.DEVNULL)
    named = farm.named_directory
    lines = [f"{row['sha256']}  {named}/frames/{row['path']}" for row in rows]
    for name in ('cut.mp4', 'sheet.png', 'manifest.json'):
        lines.append(f'{sha256_of(farm.directory / name)}  {named}/{name}')
    (farm.directory / 'SHA256SUMS').write_text('\n'.join(lines) + '\n')
    return rows


def sha256_of(path):
    import hashlib
    return hashlib.sha256(path.read_bytes()).hexdigest()


def report(farm, job, rows, keep):
    attempts = farm.client.attempts(job['id'])
    windows = sum(layer['windows'] for layer in job['layers'])
    frames = [row for row in rows if row['kind'] == 'frame']
    started, finished = seconds_of(job['started']), seconds_of(job['finished'])
    spent = max(finished - started, 0.001)
    loads = sum(a['usage']['model_loads'] for a in attempts)
    batch = max((a['usage']['batch_max'] for a in attempts), default=0)
    device = sum(a['usage']['compute_us'] for a in attempts) / 1e6
    out, quoted = farm.named_directory, shlex.quote(farm.named_directory)
    versions = sorted(p.name for p in farm.frames.glob('*/*/*/*/v[0-9][0-9][0-9]'))
    print(f"""
Job {job['id']} ({job['name']}) is {job['state']}: version v{job['version']:03}{' beside ' + ', '.join(v for v in sorted(set(versions)) if v != f"v{job['version']:03}") if len(set(versions)) > 1 else ''}
  frames    {len(frames)} of {sum(l['frames'] for l in job['layers'] if l['kind'] == 'generate')} published, in {spent:.1f} s: {len(frames) / spent:.1f} frames/s
  windows   {windows} in {len(attempts)} attempts; model loads {loads} on {len(farm.workers)} workers, largest batch {batch}
  device    {device:.1f} s of computing on {len(farm.workers)} workers
  retries   {job['retries']} tries charged to a task, {job['windows_run_twice']} windows run twice

  {out}/sheet.png      the contact sheet: look at this first
  {out}/cut.mp4        both shots as one movie
  {out}/frames/        EXR frames, by show, shot, layer and version
  {out}/manifest.json  every file with its digests, model and seed
  {out}/logs/          what every step and every daemon said

Check the files:
  sha256sum -c {quoted}/SHA256SUMS""")
    if keep:
        settings = f'FRAMEMILL_SERVER={farm.server} FRAMEMILL_TOKEN_FILE={quoted}/farm/token'
        program = shlex.quote(f'{farm.named_bin}/framemill')
        print(f"""
The farm is still up: {farm.server}, token in {out}/farm/token
The dashboard is at that address in a browser; the token to sign in with is in {out}/farm/page.token
Look at it:
  {settings} {program} jobs
  {settings} {program} job {job['id']}
  {settings} {program} workers
Stop it:
  kill $(cat {quoted}/farm/pids)""")
    else:
        print(f"""
The farm is stopped; nothing of it runs. Try next:
  {farm.again} --prompt 'snowy hills at dusk, red boat moving left'
  {farm.again} --keep
  {farm.again} --chaos""")


def again(arguments):
    """The command that starts this demo once more, from where it was started and into the same directory."""
    words = [os.path.join(arguments.tree, 'scripts/demo')]
    words += ['--out', arguments.out] if arguments.out != 'demo-farm' else []
    words += ['--bin', arguments.built] if arguments.built else []
    return shlex.join(words)


def seconds_of(text):
    import datetime
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() if text else 0.0


def run(arguments):
    def step_line(number, text):
        print(f'[{arguments.steps - 2 + number}/{arguments.steps}] {text}', flush=True)

    farm = DemoFarm(arguments.bin, arguments.out, arguments.directory)
    farm.named_bin = arguments.built or os.path.join(arguments.tree, arguments.bin)
    farm.again = again(arguments)
    pids = farm.private / 'pids'  # written by --keep
    kept_before = pids.exists()
    leftovers = farm.processes.stop_leftovers(kept=kept_before)
    pids.unlink(missing_ok=True)
    if leftovers:
        whose = 'the farm that --keep had left up' if kept_before else 'what a killed demo had left running'
        print(f"      stopped {whose}: {', '.join(leftovers)}")
    kept = False
    try:
        farm.set_up()
        farm.start()
        step_line(1, f'farm  scheduler at {farm.server}, workers ' + ' and '.join(farm.workers))
        if arguments.chaos:
            return demo_chaos.run(farm, arguments.prompt, step_line)
        print(f'      page  {farm.server}/  sign in with the token in {farm.named_directory}/farm/page.token')
        job = farm.submit(prompt=arguments.prompt)
        step_line(2, f'job {job} submitted: {farm.named_sample}')
        status = follow(farm, job)
        view = farm.client.job(job)
        if status != 0 or view['state'] != 'done':
            print(f"The job ended {view['state']}. What the farm knows of it:", file=sys.stderr)
            subprocess.run(farm.cli('job', str(job)))
            return status or 3
        report(farm, view, collect(farm, view), arguments.keep)
        if arguments.keep:
            farm.write_pids()
            kept = True
        return 0
    finally:
        if not kept:
            # A second Ctrl-C must not leave half a farm behind.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            farm.processes.stop_all()


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        return run(parse_arguments())
    except Stopped as stopped:
        print(f'\nStopped by {stopped}. Nothing of the demo is running.', file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains once more when it ends
        return 141
    except (FarmError, RuntimeError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
