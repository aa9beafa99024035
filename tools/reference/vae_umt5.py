#!/usr/bin/env python3
"""Writes the reference tensors of the Wan autoencoders and of the umT5 encoder, as diffusers and transformers compute
them (PyPI: diffusers 0.42, transformers, torch 2.11 as scripts/bootstrap fetches it). Neither build nor tests need it.

usage: vae_umt5.py [DIRECTORY, default tests/data/wan]

Weights are not stored but drawn again by the tests: names in ascending order, from one generator with seed 0; each
value normal with deviation 1 / sqrt(elements of one output), norms' factors 1 + 0.1 x normal, biases 0.1 x normal. A
file holds the inputs, the results, and the sum of each weight under "sum/NAME".
"""
import math
import pathlib
import sys

import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

torch.set_grad_enabled(False)


def draw_weights(model, skip=()):
    """Fills the model's weights; returns their sums."""
    random = torch.Generator().manual_seed(0)
    state = {name: value for name, value in model.state_dict().items() if name not in skip}
    sums = {}
    for name in sorted(state):
        shape = state[name].shape
        value = torch.randn(shape, generator=random)
        if name.endswith('gamma') or 'norm.weight' in name:
            value = 1 + 0.1 * value
        elif name.endswith('bias'):
            value = 0.1 * value
        else:
            value = value * (1 / math.sqrt(value.numel() // shape[0]))
        state[name].copy_(value)
        sums['sum/' + name] = value.double().sum().float().reshape(1)
    return sums


def autoencoder(path, config, height, width):
    model = AutoencoderKLWan(**config).eval()
    tensors = draw_weights(model)
    random = torch.Generator().manual_seed(1)
    pictures = torch.rand((1, 3, 17, height, width), generator=random) * 2 - 1
    encoded = model.encode(pictures).latent_dist.mode()
    # Not the latents of the pictures, so that an error of one way does not hide behind the other.
    latents = torch.randn(encoded.shape, generator=random)
    tensors |= {'pictures': pictures, 'encoded': encoded, 'latents': latents, 'decoded': model.decode(latents).sample}
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def umt5(path):
    config = UMT5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=48, num_layers=3, num_heads=4,
                        relative_attention_num_buckets=32, relative_attention_max_distance=128,
                        feed_forward_proj='gated-gelu', dropout_rate=0.0)
    model = UMT5EncoderModel(config).eval()
    tensors = draw_weights(model, skip=('encoder.embed_tokens.weight',))
    tokens = torch.randint(2, 100, (3, 160), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([150, 7, 1])  # the first spans every distance that has a bucket of its own
    mask = (torch.arange(160) < lengths[:, None]).long()
    tokens = tokens * mask
    embeddings = model(tokens, mask).last_hidden_state * mask.unsqueeze(-1)
    tensors |= {'tokens': tokens, 'mask': mask, 'embeddings': embeddings}
    save_file(tensors, path)


def main():
    default = pathlib.Path(__file__).resolve().parents[2] / 'tests/data/wan'
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    directory.mkdir(parents=True, exist_ok=True)
    autoencoder(directory / 'autoencoder_4x8x8.safetensors',
                {'base_dim': 8, 'z_dim': 4, 'latents_mean': [0.0] * 4, 'latents_std': [1.0] * 4},
                height=16, width=24)
    autoencoder(directory / 'autoencoder_4x16x16.safetensors',
                {'base_dim': 4, 'decoder_base_dim': 8, 'z_dim': 6, 'is_residual': True, 'in_channels': 12,
                 'out_channels': 12, 'patch_size': 2, 'latents_mean': [0.0] * 6, 'latents_std': [1.0] * 6,
                 'temperal_downsample': [False, True, True], 'scale_factor_spatial': 16},
                height=32, width=16)
    umt5(directory / 'umt5.safetensors')


if __name__ == '__main__':
    main()
