#!/usr/bin/env python3
"""Writes tests/data/wan/tensors.txt: how many tensors the networks of the published Wan models and of the tests have,
and digests of their names and shapes, as diffusers and transformers build them (on the device "meta": nothing is
allocated). Each row: label, number of tensors, SHA-256 of the sorted lines "name 2x3\\n", SHA-256 of the sorted lines
"original name\\n" for the authors' naming. Where diffusers can read that naming itself, this program checks that it
reads every name made here back to the right one.

    tools/reference/wan_tensors.py OUTPUT [--list LABEL]

--list prints the lines of one row, to compare with."""
import argparse
import hashlib
import re

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel, WanVACETransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers
from transformers import UMT5Config, UMT5EncoderModel

SMALL = dict(num_attention_heads=2, attention_head_dim=12, text_dim=32, ffn_dim=32, num_layers=2, rope_max_seq_len=32)
LARGE = dict(num_attention_heads=40, attention_head_dim=128, ffn_dim=13824, num_layers=40)
SIZE_1_3B = dict(num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30)
SIZE_5B = dict(num_attention_heads=24, attention_head_dim=128, ffn_dim=14336, num_layers=30)
IMAGE = dict(in_channels=36, image_dim=1280, added_kv_proj_dim=5120)
RESIDUAL = dict(z_dim=48, in_channels=12, out_channels=12, is_residual=True, patch_size=2, scale_factor_spatial=16,
                latents_mean=[0.0] * 48, latents_std=[1.0] * 48)


def transformer(**sizes):
    return WanTransformer3DModel(**sizes)


def vace(layers, **sizes):
    return WanVACETransformer3DModel(vace_layers=layers, vace_in_channels=96, **sizes)


MODELS = {
    'transformer-2.1-t2v-1.3b': lambda: transformer(**SIZE_1_3B),
    'transformer-2.1-t2v-14b': lambda: transformer(**LARGE),
    'transformer-2.1-i2v-14b': lambda: transformer(**LARGE, **IMAGE),
    'transformer-2.1-flf2v-14b': lambda: transformer(**LARGE, **IMAGE, pos_embed_seq_len=514),
    'transformer-2.1-vace-1.3b': lambda: vace(list(range(0, 30, 2)), **SIZE_1_3B),
    'transformer-2.2-i2v-a14b': lambda: transformer(in_channels=36, **LARGE),
    'transformer-2.2-ti2v-5b': lambda: transformer(in_channels=48, out_channels=48, **SIZE_5B),
    'transformer-small': lambda: transformer(**SMALL),
    'transformer-small-image': lambda: transformer(in_channels=36, image_dim=4, added_kv_proj_dim=24,
                                                   pos_embed_seq_len=6, cross_attn_norm=False, **SMALL),
    'transformer-small-vace': lambda: vace([0, 1], **SMALL),
    'autoencoder-2.1': lambda: AutoencoderKLWan(),
    'autoencoder-2.2': lambda: AutoencoderKLWan(base_dim=160, decoder_base_dim=256, **RESIDUAL),
    'autoencoder-small': lambda: AutoencoderKLWan(base_dim=3, dim_mult=[1, 1, 1, 1], num_res_blocks=1),
    'autoencoder-small-residual': lambda: AutoencoderKLWan(base_dim=3, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                                                           **RESIDUAL),
    'umt5-xxl': lambda: UMT5EncoderModel(UMT5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240,
                                                    num_layers=24, num_heads=64)),
    'umt5-small': lambda: UMT5EncoderModel(UMT5Config(vocab_size=256, d_model=32, d_kv=8, d_ff=37, num_layers=2,
                                                      num_heads=4)),
}

# From canonical names to the authors', applied in order to "name." where a whole part of it matches.
TRANSFORMER = [
    (r'^condition_embedder\.time_embedder\.linear_1\.', 'time_embedding.0.'),
    (r'^condition_embedder\.time_embedder\.linear_2\.', 'time_embedding.2.'),
    (r'^condition_embedder\.time_proj\.', 'time_projection.1.'),
    (r'^condition_embedder\.text_embedder\.linear_1\.', 'text_embedding.0.'),
    (r'^condition_embedder\.text_embedder\.linear_2\.', 'text_embedding.2.'),
    (r'^condition_embedder\.image_embedder\.pos_embed\.', 'img_emb.emb_pos.'),
    (r'^condition_embedder\.image_embedder\.norm1\.', 'img_emb.proj.0.'),
    (r'^condition_embedder\.image_embedder\.ff\.net\.0\.proj\.', 'img_emb.proj.1.'),
    (r'^condition_embedder\.image_embedder\.ff\.net\.2\.', 'img_emb.proj.3.'),
    (r'^condition_embedder\.image_embedder\.norm2\.', 'img_emb.proj.4.'),
    (r'^scale_shift_table\.', 'head.modulation.'),
    (r'^proj_out\.', 'head.head.'),
    (r'\.scale_shift_table\.', '.modulation.'),
    (r'\.proj_in\.', '.before_proj.'),
    (r'\.proj_out\.', '.after_proj.'),
    (r'\.attn1\.', '.self_attn.'),
    (r'\.attn2\.', '.cross_attn.'),
    (r'\.to_out\.0\.', '.o.'),
    (r'\.to_([qkv])\.', r'.\1.'),
    (r'\.add_([kv])_proj\.', r'.\1_img.'),
    (r'\.norm_added_k\.', '.norm_k_img.'),
    (r'\.norm2\.', '.norm3.'),
    (r'\.ffn\.net\.0\.proj\.', '.ffn.0.'),
    (r'\.ffn\.net\.2\.', '.ffn.2.'),
]
AUTOENCODER = [
    (r'^quant_conv\.', 'conv1.'),
    (r'^post_quant_conv\.', 'conv2.'),
    (r'\.conv_in\.', '.conv1.'),
    (r'\.norm_out\.', '.head.0.'),
    (r'\.conv_out\.', '.head.2.'),
    (r'\.norm1\.', '.residual.0.'),
    (r'(resnets|down_blocks)\.(\d+)\.conv1\.', r'\1.\2.residual.2.'),
    (r'\.norm2\.', '.residual.3.'),
    (r'(resnets|down_blocks)\.(\d+)\.conv2\.', r'\1.\2.residual.6.'),
    (r'\.conv_shortcut\.', '.shortcut.'),
    (r'\.mid_block\.resnets\.0\.', '.middle.0.'),
    (r'\.mid_block\.attentions\.0\.', '.middle.1.'),
    (r'\.mid_block\.resnets\.1\.', '.middle.2.'),
]
UMT5 = [
    (r'^shared\.', 'token_embedding.'),
    (r'^encoder\.final_layer_norm\.', 'norm.'),
    (r'^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias\.',
     r'blocks.\1.pos_embedding.embedding.'),
    (r'^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.', r'blocks.\1.attn.'),
    (r'^encoder\.block\.(\d+)\.layer\.0\.layer_norm\.', r'blocks.\1.norm1.'),
    (r'^encoder\.block\.(\d+)\.layer\.1\.layer_norm\.', r'blocks.\1.norm2.'),
    (r'^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0\.', r'blocks.\1.ffn.gate.0.'),
    (r'^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\.', r'blocks.\1.ffn.fc1.'),
    (r'^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo\.', r'blocks.\1.ffn.fc2.'),
]


def renamed(name, table):
    text = name + '.'
    for pattern, replacement in table:
        text = re.sub(pattern, replacement, text)
    return text[:-1]


def autoencoder_original(name, config):
    text = renamed(name, AUTOENCODER)
    blocks = config.num_res_blocks
    if config.is_residual:
        text = re.sub(r'\.down_blocks\.(\d+)\.resnets\.', r'.downsamples.\1.downsamples.', text)
        text = re.sub(r'\.down_blocks\.(\d+)\.downsampler\.', rf'.downsamples.\1.downsamples.{blocks}.', text)
        text = re.sub(r'\.up_blocks\.(\d+)\.resnets\.', r'.upsamples.\1.upsamples.', text)
        return re.sub(r'\.up_blocks\.(\d+)\.upsampler\.', rf'.upsamples.\1.upsamples.{blocks + 1}.', text)
    text = text.replace('.down_blocks.', '.downsamples.')
    group = blocks + 2  # the blocks of a level of the decoder and its sampler
    text = re.sub(r'\.up_blocks\.(\d+)\.resnets\.(\d+)\.',
                  lambda m: f'.upsamples.{int(m[1]) * group + int(m[2])}.', text)
    return re.sub(r'\.up_blocks\.(\d+)\.upsamplers\.0\.',
                  lambda m: f'.upsamples.{int(m[1]) * group + group - 1}.', text)


def originals(label, model, names):
    """The authors' name of each canonical one, checked with diffusers' own converter where it has one."""
    if label.startswith('umt5'):
        return {name: renamed(name, UMT5) for name in names}
    if label.startswith('autoencoder'):
        found = {name: autoencoder_original(name, model.config) for name in names}
        convert = convert_wan_vae_to_diffusers if label == 'autoencoder-2.1' else None
    else:
        found = {name: renamed(name, TRANSFORMER) for name in names}
        convert = convert_wan_transformer_to_diffusers
        if 'flf2v' in label or 'small-image' in label:  # its table lacks the learnt places
            convert = None
    if convert:
        back = convert({original: name for name, original in found.items()})
        wrong = [(new, name) for new, name in back.items() if new != name]
        assert not wrong, f'{label}: {wrong[:5]}'
    return found


def digest(lines):
    return hashlib.sha256(''.join(sorted(lines)).encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('output')
    parser.add_argument('--list', metavar='LABEL')
    arguments = parser.parse_args()
    rows = []
    for label, build in MODELS.items():
        with torch.device('meta'):
            model = build()
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        shapes.pop('encoder.embed_tokens.weight', None)  # shared.weight once more
        lines = [f'{name} {"x".join(map(str, shape))}\n' for name, shape in shapes.items()]
        found = originals(label, model, shapes)
        assert len(set(found.values())) == len(found), label
        pairs = [f'{original} {name}\n' for name, original in found.items()]
        rows.append(f'{label} {len(shapes)} {digest(lines)} {digest(pairs)}\n')
        if arguments.list == label:
            print(''.join(sorted(lines)) + ''.join(sorted(pairs)), end='')
    with open(arguments.output, 'w', encoding='utf-8') as out:
        out.write('# Written by tools/reference/wan_tensors.py, which says what the columns are.\n')
        out.writelines(rows)


if __name__ == '__main__':
    main()
