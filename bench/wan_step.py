#!/usr/bin/env python3
"""Seconds per call of the Wan transformer against diffusers in eager mode: equal weights, inputs, threads and dtype.

usage: wan_step.py BIN_DIRECTORY [--size 100m|1.3b] [--layers N] [--compute f32|bf16] [--threads 2]
                              [--rounds 5]

Needs the environment of tools/reference/README.md. The two take turns, so that what else runs on the machine hits both
alike. Prints each round, and the ratio of the medians, diffusers' time over ours, in seconds passed and in CPU time
(goal: 1.0, better 1.2).
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

SIZES: dict[str, dict[str, int]] = {
    '100m': {'heads': 6, 'layers': 10, 'ffn_dim': 4096},
    '1.3b': {'heads': 12, 'layers': 30, 'ffn_dim': 8960},
}
LATENTS = (1, 16, 5, 32, 32)  # 17 frames of 256 x 256
TEXT_TOKENS, PROMPT_TOKENS = 512, 24


def make_model(size: dict[str, int], dtype: torch.dtype) -> torch.nn.Module:
    torch.set_default_dtype(dtype)
    with torch.device('meta'):
        model = WanTransformer3DModel(num_attention_heads=size['heads'], num_layers=size['layers'],
                                      ffn_dim=size['ffn_dim'])
    torch.set_default_dtype(torch.float32)
    model = model.to_empty(device='cpu').eval()
    model.rope.__init__(128, (1, 2, 2), 1024)
    random = torch.Generator().manual_seed(0)
    for name, value in model.state_dict().items():
        value.normal_(1 if 'norm' in name and name.endswith('weight') else 0, 0.02, generator=random)
    for name, module in model.named_modules():  # what diffusers keeps in float32 when it loads a checkpoint
        if name.split('.')[-1] in WanTransformer3DModel._keep_in_fp32_modules:
            module.float()
    for name, value in model.named_parameters():
        if name.endswith('scale_shift_table'):
            value.data = value.data.float()
    result: torch.nn.Module = model
    return result


def make_inputs(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    text = torch.randn((1, TEXT_TOKENS, 4096), generator=random)
    text[:, PROMPT_TOKENS:] = 0
    return {'inputs.latents': torch.randn(LATENTS, generator=random), 'inputs.level': torch.tensor([731.0]),
            'inputs.text': text.to(dtype)}


def reference_call(model: torch.nn.Module, inputs: dict[str, torch.Tensor], dtype: torch.dtype) -> list[float]:
    started, cpu_started = time.perf_counter(), time.process_time()
    with torch.no_grad():
        result = model(hidden_states=inputs['inputs.latents'].to(dtype), timestep=inputs['inputs.level'],
                       encoder_hidden_states=inputs['inputs.text']).sample
    spent = [time.perf_counter() - started, time.process_time() - cpu_started]
    return [*spent, result.float().abs().mean().item()]


def own_call(process: Any) -> list[float]:
    process.stdin.write('\n')
    process.stdin.flush()
    return [float(value) for value in process.stdout.readline().split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binaries', type=pathlib.Path)
    parser.add_argument('--size', choices=SIZES, default='100m')
    parser.add_argument('--compute', choices=('f32', 'bf16'), default='f32')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--layers', type=int, help='fewer layers of that width, where all of them take too long')
    choices = parser.parse_args()
    size = SIZES[choices.size] | ({'layers': choices.layers} if choices.layers else {})
    torch.set_num_threads(choices.threads)
    dtype = torch.bfloat16 if choices.compute == 'bf16' else torch.float32
    model, inputs = make_model(size, dtype), make_inputs(dtype)
    weights = model.state_dict()
    print(f'{sum(value.numel() for value in weights.values()) / 1e6:.0f} M parameters')
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / 'step.safetensors'
        save_file(weights | inputs, path, metadata={k: str(v) for k, v in size.items()})
        command = [choices.binaries / 'wan-step', path, '--threads', str(choices.threads), '--compute', choices.compute]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        rounds = []
        for i in range(choices.rounds + 1):  # the first is not counted
            ours, theirs = own_call(process), reference_call(model, inputs, dtype)
            if i:
                rounds.append((ours, theirs))
                print('ours {:.2f} s, CPU {:.2f} s;'.format(*ours), 'diffusers {:.2f} s, CPU {:.2f} s'.format(*theirs))
        process.stdin.close()
        if process.wait() != 0:
            sys.exit('wan-step failed')
    print(f'mean absolute value: ours {ours[2]:.6f}, diffusers {theirs[2]:.6f}')
    for column, name in enumerate(('seconds', 'CPU seconds')):
        ours_median, theirs_median = (statistics.median(r[side][column] for r in rounds) for side in (0, 1))
        print(f'{name}: {theirs_median:.2f} / {ours_median:.2f} = {theirs_median / ours_median:.2f}')


if __name__ == '__main__':
    main()
