#!/usr/bin/env python3
"""kill -9 of the trainer: it goes on from its last checkpoint. usage: trainer_test.py BIN_DIRECTORY

A tiny network on the real catalogue, so that a step takes milliseconds and the kill hits the middle of a run.
"""
import csv
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TINY = {'latent_channels': 4, 'encoder_width': 8, 'decoder_width': 8, 'decoder_middle_width': 8, 'decoder_fine_width': 4,
        'width': 16, 'layers': 1, 'heads': 1, 'modulation_rank': 4}


def tiny_package(place):
    package = place / 'tiny@1'
    package.mkdir()
    text = (REPOSITORY / 'models/demo-clips@1/model.toml').read_text()
    text = text.replace('name = "demo-clips"', 'name = "tiny"')
    head, network = text.split('[network]')
    for key, value in TINY.items():
        network, found = re.subn(rf'^{key} = \d+', f'{key} = {value}', network, flags=re.M)
        assert found == 1, key
    (package / 'model.toml').write_text(f'{head}[network]{network}')
    for name in ('vocabulary.toml', 'LICENCE'):
        (package / name).write_bytes((REPOSITORY / 'models/demo-clips@1' / name).read_bytes())
    return package


def steps_logged(directory):
    log = directory / 'denoiser.csv'
    return [int(row['step']) for row in csv.DictReader(log.open()) if row['step'] and row['learning_rate']] if log.exists() else []


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / 'framemill-train'
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary)
        run = place / 'run'
        command = [program, '--package', tiny_package(place), '--directory', run, '--autoencoder-steps', '2', '--batch', '2',
                   '--pool', '16', '--fresh', '0', '--threads', '1', '--save-minutes', '0.01']
        trainer = subprocess.Popen([*command, '--steps', '1000000'], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 200
        # Two rows after a checkpoint: the kill loses steps that were logged but not saved.
        while not (run / 'denoiser.checkpoint.safetensors').exists() or len(steps_logged(run)) < 4:
            assert trainer.poll() is None, trainer.stderr.read().decode()
            assert time.monotonic() < deadline, 'no checkpoint'
            time.sleep(0.05)
        trainer.send_signal(signal.SIGKILL)
        trainer.communicate()
        before = steps_logged(run)
        last = before[-1] + 40
        ended = subprocess.run([*command, '--steps', str(last)], stderr=subprocess.PIPE, timeout=200)
        assert ended.returncode == 0, ended.stderr.decode()
        after = steps_logged(run)[len(before):]
        assert after and after[-1] == last, f'ended at {after[-1:]}, not at {last}'
        # A row is written every 20 steps of a process: the first one stands 20 behind the checkpoint, which was made
        # before the kill, so at most 19 steps after the last row. From nothing it would be 20.
        assert 20 < after[0] < before[-1] + 40, f'went on at {after[0]} after {before[-1]}: not from the checkpoint'
        assert (run / 'weights.safetensors').stat().st_size > 1000
        leftovers = [name for name in os.listdir(run) if 'tmp' in name or name.startswith('.')]
        again = subprocess.run([*command, '--steps', str(last)], stderr=subprocess.PIPE, timeout=200)
        assert again.returncode == 0 and len(steps_logged(run)) == len(before) + len(after), 'a run that is done did more'
        print(f'killed after step {before[-1]}, went on to {last}; left behind by the kill: {leftovers or "nothing"}')


if __name__ == '__main__':
    main()
