#!/usr/bin/env python3
"""Writes the reference tensors of the Wan transformer, as diffusers computes them: for each of its modes a file
transformer_MODE.safetensors with the inputs, the result, and sums of the weights, which the tests draw again (see
vae_umt5.py).

usage: wan_transformer.py [DIRECTORY, default tests/data/wan]
"""
import pathlib
import sys
from typing import Any

import torch
from diffusers import WanTransformer3DModel, WanVACETransformer3DModel
from safetensors.torch import save_file

from vae_umt5 import draw_weights

torch.set_grad_enabled(False)

SIZES: dict[str, Any] = {'num_attention_heads': 4, 'attention_head_dim': 32, 'text_dim': 24, 'freq_dim': 64,
                         'ffn_dim': 160, 'num_layers': 2, 'rope_max_seq_len': 32}
BATCH, FRAMES, HEIGHT, WIDTH = 2, 5, 4, 6  # of latents: 17 pictures
TOKENS = FRAMES * HEIGHT * WIDTH // 4


class Inputs:
    """Tensors of one mode, drawn in turn from a generator of their own."""

    def __init__(self) -> None:
        self.random = torch.Generator().manual_seed(1)
        self.tensors: dict[str, torch.Tensor] = {}

    def draw(self, name: str, *shape: int) -> torch.Tensor:
        self.tensors[name] = torch.randn(shape, generator=self.random)
        return self.tensors[name]

    def common(self, channels: int, text_tokens: int = 20) -> None:
        self.draw('latents', BATCH, channels, FRAMES, HEIGHT, WIDTH)
        text = self.draw('text', BATCH, text_tokens, SIZES['text_dim'])
        text[0, 9:] = 0  # a prompt and a shorter negative prompt, filled up with zeros
        text[1, 4:] = 0
        self.tensors['level'] = torch.tensor([973.0, 251.5])


def write(path: pathlib.Path, model: torch.nn.Module, inputs: Inputs, **more: torch.Tensor) -> None:
    sums = draw_weights(model.eval())
    given = inputs.tensors
    output = model(hidden_states=given['latents'], timestep=given['level'], encoder_hidden_states=given['text'],
                   **more).sample
    tensors = {**sums, **given, 'output': output}
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def text_to_video(directory: pathlib.Path) -> None:
    inputs = Inputs()
    inputs.common(16)
    inputs.draw('text', BATCH, 20, SIZES['text_dim'])  # not padded
    write(directory / 'transformer_t2v.safetensors', WanTransformer3DModel(**SIZES), inputs)


def level_per_token(directory: pathlib.Path) -> None:
    """2.2 5B: the first frame is clean, each row at a level of its own."""
    inputs = Inputs()
    inputs.common(6)
    level = inputs.tensors['level'][:, None].repeat(1, TOKENS)
    level[:, :TOKENS // FRAMES] = 0
    inputs.tensors['level'] = level
    model = WanTransformer3DModel(in_channels=6, out_channels=6, **SIZES)
    write(directory / 'transformer_ti2v.safetensors', model, inputs)


def level_of_every_token(directory: pathlib.Path) -> None:
    inputs = Inputs()
    inputs.common(6)
    inputs.tensors['level'] = torch.rand((BATCH, TOKENS), generator=inputs.random) * 1000
    model = WanTransformer3DModel(in_channels=6, out_channels=6, **SIZES)
    write(directory / 'transformer_levels.safetensors', model, inputs)


def image_to_video(directory: pathlib.Path) -> None:
    """2.1: first and last image as embeddings, latents with channels of the condition."""
    inputs = Inputs()
    inputs.common(12, text_tokens=512)  # diffusers takes the last 512 for the text
    image = inputs.draw('image', BATCH, 6, 16)
    model = WanTransformer3DModel(in_channels=12, out_channels=4, image_dim=16, added_kv_proj_dim=128,
                                  pos_embed_seq_len=6, **SIZES)
    # diffusers puts the embeddings of two images behind one another itself.
    write(directory / 'transformer_i2v.safetensors', model, inputs,
          encoder_hidden_states_image=image.view(2 * BATCH, 3, 16))


def without_cross_norm(directory: pathlib.Path) -> None:
    """Patches of two frames, no norm before the attention to the text, one prompt without any token."""
    inputs = Inputs()
    inputs.common(4)
    inputs.draw('latents', BATCH, 4, 4, HEIGHT, WIDTH)
    inputs.tensors['text'][1] = 0
    model = WanTransformer3DModel(in_channels=4, out_channels=4, cross_attn_norm=False, patch_size=(2, 2, 2), **SIZES)
    write(directory / 'transformer_plain.safetensors', model, inputs)


def vace(directory: pathlib.Path) -> None:
    inputs = Inputs()
    inputs.common(16)
    control = inputs.draw('control', BATCH, 10, FRAMES, HEIGHT, WIDTH)
    scale = torch.tensor([0.8, 1.25])
    inputs.tensors['control_scale'] = scale
    sizes = SIZES | {'num_layers': 4}
    model = WanVACETransformer3DModel(vace_layers=[0, 2], vace_in_channels=10, **sizes)
    write(directory / 'transformer_vace.safetensors', model, inputs, control_hidden_states=control,
          control_hidden_states_scale=scale)


def main() -> None:
    default = pathlib.Path(__file__).resolve().parents[2] / 'tests/data/wan'
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    directory.mkdir(parents=True, exist_ok=True)
    for mode in (text_to_video, level_per_token, level_of_every_token, image_to_video, without_cross_norm, vace):
        mode(directory)


if __name__ == '__main__':
    main()
