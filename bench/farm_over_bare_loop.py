#!/usr/bin/env python3
"""Frames per second through the farm over a bare loop of the same model, batches and files.

usage: farm_over_bare_loop.py BIN_DIRECTORY [--seconds 60] [--rounds 5]

Per round, in turn: the farm (one scheduler, two workers of one thread), one process of two threads, two processes of one
thread. The bare loops use the batch size that the farm used. Prints each round, the medians, the ratio of the farm to the
faster bare loop (goal: 0.95), and the farm's gain over batches of one.
"""
import argparse
import datetime
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "bench"
show = "bench"
shot = "sh{level}"
[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "sea at dusk, red boat moving left"
frames = "0-{last}"
shot_range = "0-{last}"
plan = "independent"
seed = 1
reproducibility = "{level}"
"""


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def farm_rate(farm, windows, level='stable'):
    """Frames per second from the first grant to the last published frame, and the batch sizes seen."""
    spec = farm.directory / 'bench.toml'
    spec.write_text(SPEC.format(last=16 * windows - 1, level=level))
    job = farm.submit(spec=spec)
    while farm.client.job(job)['state'] not in ('done', 'failed', 'cancelled'):
        time.sleep(0.1)
    view = farm.client.job(job)
    assert view['state'] == 'done', view
    attempts = farm.client.attempts(job)
    batches = [a['usage']['batch_max'] for a in attempts if a['phase'] == 'denoise']
    return view['frames'] / (seconds_of(view['finished']) - seconds_of(view['started'])), int(statistics.median(batches))


def bare_rate(binaries, directory, processes, threads, batch, windows):
    share = windows // processes
    started = [subprocess.Popen([str(binaries / 'bare-loop'), str(REPOSITORY / 'models/demo-clips@1'),
                                 str(directory / f'bare{i}'), '--threads', str(threads), '--batch', str(batch), '--windows',
                                 str(share), '--first-window', str(i * (share + 1))], stdout=subprocess.PIPE, text=True)
               for i in range(processes)]
    rate = 0.0
    for process in started:
        output, _ = process.communicate()
        assert process.returncode == 0
        _, seconds, frames = output.split()
        rate += int(frames) / float(seconds)
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bin', type=pathlib.Path)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--rounds', type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='framemill-bench-') as place:
        directory = pathlib.Path(place)
        farm = DemoFarm(arguments.bin.resolve(), place, place)
        try:
            farm.set_up()
            farm.start()
            rate, batch = farm_rate(farm, 64)
            windows = max(64, int(rate * arguments.seconds / 16) // (2 * batch) * 2 * batch)
            print(f'windows per run {windows}, batch {batch}', flush=True)
            rates = {'farm': [], '1 process x 2 threads': [], '2 processes x 1 thread': []}
            for number in range(arguments.rounds):
                rates['farm'].append(farm_rate(farm, windows)[0])
                rates['1 process x 2 threads'].append(bare_rate(arguments.bin, directory, 1, 2, batch, windows))
                rates['2 processes x 1 thread'].append(bare_rate(arguments.bin, directory, 2, 1, batch, windows))
                print(f'round {number + 1}: ' + ', '.join(f'{name} {values[-1]:.2f} frames/s' for name, values in rates.items()), flush=True)
            alone = farm_rate(farm, max(16, windows // 4), level='exact')[0]
        finally:
            farm.processes.stop_all()
    middle = {name: statistics.median(values) for name, values in rates.items()}
    best = max((name for name in middle if name != 'farm'), key=middle.get)
    print(', '.join(f'{name} {value:.2f}' for name, value in middle.items()), 'frames/s (medians)')
    print(f"farm over bare loop: {middle['farm'] / middle[best]:.3f} (faster bare loop: {best})")
    print(f"batches over windows alone, through the farm: {middle['farm'] / alone:.2f}")


main()
