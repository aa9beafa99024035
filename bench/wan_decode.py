#!/usr/bin/env python3
"""Decoding with a Wan autoencoder against diffusers in eager mode: the same random weights, latents, threads and dtype.

usage: wan_decode.py BIN_DIRECTORY [--height 480] [--width 832] [--frames 17] [--threads 2] [--dtype f32|bf16]
                     [--kind 2.1|2.2] [--base-dim N] [--rounds 1]

Needs PyPI's diffusers 0.42 and torch 2.11. Prints for each round the seconds of both, by the clock and of the
processor, which on a shared machine says more with one thread; then the medians, the ratio of diffusers' to ours
(goal: 1.0, better 1.2), the peak of our tensors, and the largest difference of a picture's value.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

os.environ['OMP_WAIT_POLICY'] = 'PASSIVE'  # of both: threads that spin on a shared machine slow each other down

import numpy  # noqa: E402
import torch  # noqa: E402
from diffusers import AutoencoderKLWan  # noqa: E402
from safetensors.torch import save_file  # noqa: E402


def model_of(options):
    torch.manual_seed(0)
    if options.kind == '2.1':
        return AutoencoderKLWan(base_dim=options.base_dim or 96)
    width = options.base_dim or 256
    return AutoencoderKLWan(base_dim=16, decoder_base_dim=width, z_dim=48, is_residual=True, in_channels=12,
                            out_channels=12, patch_size=2, scale_factor_spatial=16, latents_mean=[0.0] * 48,
                            latents_std=[1.0] * 48)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binaries', type=pathlib.Path)
    for name, default in (('height', 480), ('width', 832), ('frames', 17), ('threads', 2), ('base-dim', 0),
                          ('rounds', 1)):
        parser.add_argument('--' + name, type=int, default=default)
    parser.add_argument('--dtype', choices=('f32', 'bf16'), default='f32')
    parser.add_argument('--kind', choices=('2.1', '2.2'), default='2.1')
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(options.threads)
    dtype = torch.bfloat16 if options.dtype == 'bf16' else torch.float32
    model = model_of(options).eval().to(dtype)
    ratio = 8 if options.kind == '2.1' else 16
    latents = torch.randn((1, model.z_dim, 1 + (options.frames - 1) // 4, options.height // ratio,
                           options.width // ratio), dtype=dtype)
    with tempfile.TemporaryDirectory() as directory:
        weights, pictures = pathlib.Path(directory) / 'weights.safetensors', pathlib.Path(directory) / 'pictures'
        tensors = {name: value.contiguous() for name, value in model.state_dict().items()
                   if name.startswith(('decoder.', 'post_quant_conv.'))}
        save_file(tensors | {'latents': latents}, weights)
        command = [options.binaries / 'wan-decode', weights, '--threads', options.threads, '--dtype', options.dtype,
                   '--width', model.config.decoder_base_dim or model.config.base_dim, '--latent-channels', model.z_dim,
                   '--out', pictures] + (['--residual'] if model.config.is_residual else [])
        ours, theirs = [], []
        for _ in range(options.rounds):
            words = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
            _, wall, cpu, peak = words.split()
            ours.append((float(wall), float(cpu)))
            wall, cpu = time.perf_counter(), time.process_time()
            wanted = model.decode(latents).sample
            theirs.append((time.perf_counter() - wall, time.process_time() - cpu))
            print(f'ours {ours[-1][0]:.2f} s, {ours[-1][1]:.2f} s of CPU; diffusers {theirs[-1][0]:.2f} s, '
                  f'{theirs[-1][1]:.2f} s of CPU', flush=True)
        got = numpy.fromfile(pictures, numpy.float32).reshape(wanted.shape[2], 3, options.height, options.width)
    difference = numpy.abs(got - wanted[0].float().transpose(0, 1).numpy())
    wall, cpu = (statistics.median(row[i] for row in theirs) / statistics.median(row[i] for row in ours)
                 for i in (0, 1))
    print(f'diffusers over ours: {wall:.2f} by the clock, {cpu:.2f} of CPU time; peak {int(peak) / 2**20:.0f} MiB; '
          f'largest difference {difference.max():.2g}, mean {difference.mean():.2g}')


if __name__ == '__main__':
    main()
