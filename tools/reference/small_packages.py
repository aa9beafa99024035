#!/usr/bin/env python3
"""Writes small models of the Wan family with seeded random weights, in the layouts in which people download the real
ones, for `framemill model import`:

    tools/reference/small_packages.py OUTPUT            # OUTPUT/small-t2v and so on, about 300 KB each
    tools/reference/small_packages.py OUTPUT --configs  # only the JSON files: what tests/data/wan/layouts holds

Of each model diffusers writes the directory itself (save_pretrained; the weights of the text to video model in several
parts). OUTPUT/small-t2v-files holds the same weights as single files with the authors' names. The sizes are those of
diffusers' own tests of these pipelines."""
import argparse
import json
import pathlib
import shutil

import torch
from diffusers import (AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler,
                       WanImageToVideoPipeline, WanPipeline, WanTransformer3DModel, WanVACEPipeline,
                       WanVACETransformer3DModel)
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from wan_tensors import TRANSFORMER, UMT5, autoencoder_original, renamed

CARD = '---\nlicense: apache-2.0\n---\n# A small random model\nFor tests; it makes noise.\n'
LETTERS = 'etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ0123456789.,!?\'"-:;()'


def tokenizer():
    words = ['the', 'and', 'of', 'sea', 'harbor', 'light', 'night', 'ship', 'storm', 'slow', 'wave', 'morning']
    pieces = [('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0), ('\u2581', -3.0)]
    pieces += [('\u2581' + word, -5.0 - i * 0.1) for i, word in enumerate(words)]
    pieces += [(letter, -8.0 - i * 0.01) for i, letter in enumerate(LETTERS)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    backend.normalizer = normalizers.Replace(Regex(' {2,}'), ' ')
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement='\u2581', prepend_scheme='always')
    backend.decoder = decoders.Metaspace(replacement='\u2581', prepend_scheme='always')
    backend.post_processor = processors.TemplateProcessing(single='$A </s>', special_tokens=[('</s>', 1)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token='<pad>', eos_token='</s>', unk_token='<unk>')


def text_encoder():
    torch.manual_seed(0)
    return UMT5EncoderModel(UMT5Config(vocab_size=256, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4))


def autoencoder(residual=False):
    torch.manual_seed(0)
    sizes = dict(base_dim=3, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True])
    if residual:
        sizes |= dict(z_dim=48, in_channels=12, out_channels=12, is_residual=True, patch_size=2,
                      scale_factor_spatial=16, scale_factor_temporal=4, latents_mean=[0.0] * 48,
                      latents_std=[1.0] * 48)
    return AutoencoderKLWan(**sizes)


def transformer(kind=WanTransformer3DModel, **others):
    torch.manual_seed(0)
    sizes = dict(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
                 text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, cross_attn_norm=True, rope_max_seq_len=32)
    return kind(**(sizes | others))


def unipc(shift):
    return UniPCMultistepScheduler(prediction_type='flow_prediction', use_flow_sigmas=True, num_train_timesteps=1000,
                                   flow_shift=shift)


def pipelines():
    common = dict(tokenizer=tokenizer(), text_encoder=text_encoder())
    plain = dict(common, vae=autoencoder())
    yield 'small-t2v', WanPipeline(**plain, transformer=transformer(),
                                   scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0))
    yield 'small-ti2v-5b', WanPipeline(**common, vae=autoencoder(residual=True), scheduler=unipc(5.0),
                                       transformer=transformer(in_channels=48, out_channels=48),
                                       expand_timesteps=True)
    second = transformer()
    with torch.no_grad():
        second.proj_out.weight.mul_(0.5)  # another expert
    yield 'small-t2v-a14b', WanPipeline(**plain, transformer=transformer(), transformer_2=second, scheduler=unipc(3.0),
                                        boundary_ratio=0.875)
    yield 'small-i2v-a14b', WanImageToVideoPipeline(
        **plain, transformer=transformer(in_channels=36), transformer_2=transformer(in_channels=36),
        scheduler=unipc(3.0), boundary_ratio=0.9)
    yield 'small-vace', WanVACEPipeline(
        **plain, scheduler=unipc(3.0),
        transformer=transformer(WanVACETransformer3DModel, vace_layers=[0, 1], vace_in_channels=96))


def write_single_files(model, pipeline, output):
    """The weights of a directory as three files in the authors' naming, and their config.json: shapes do not tell how
    many heads there are."""
    output.mkdir(parents=True, exist_ok=True)
    sizes = pipeline.transformer.config

    def parts(folder):
        tensors = {}
        for path in sorted((model / folder).glob('*.safetensors')):
            tensors |= load_file(path)
        return tensors

    save_file({renamed(name, TRANSFORMER): value for name, value in parts('transformer').items()},
              output / 'small_t2v.safetensors')
    save_file({autoencoder_original(name, pipeline.vae.config): value for name, value in parts('vae').items()},
              output / 'small_vae.safetensors')
    save_file({renamed(name, UMT5): value for name, value in parts('text_encoder').items()},
              output / 'small_umt5.safetensors')
    (output / 'config.json').write_text(json.dumps(
        {'_class_name': 'WanModel', 'dim': sizes.num_attention_heads * sizes.attention_head_dim, 'eps': 1e-6,
         'ffn_dim': sizes.ffn_dim, 'freq_dim': sizes.freq_dim, 'in_dim': sizes.in_channels, 'model_type': 't2v',
         'num_heads': sizes.num_attention_heads, 'num_layers': sizes.num_layers, 'out_dim': sizes.out_channels,
         'text_len': 512}, indent=2) + '\n')
    shutil.copy(model / 'tokenizer' / 'tokenizer.json', output)
    shutil.copy(model / 'scheduler' / 'scheduler_config.json', output)
    (output / 'README.md').write_text(CARD)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('output', type=pathlib.Path)
    parser.add_argument('--configs', action='store_true', help='leave out the weights')
    arguments = parser.parse_args()
    for name, pipeline in pipelines():
        model = arguments.output / name
        size = {} if arguments.configs or name != 'small-t2v' else {'max_shard_size': '60KB'}
        pipeline.save_pretrained(model, safe_serialization=True, **size)
        (model / 'README.md').write_text(CARD)
        if arguments.configs:
            for path in model.rglob('*'):
                if 'safetensors' in path.name:
                    path.unlink()
        elif name == 'small-t2v':
            write_single_files(model, pipeline, arguments.output / 'small-t2v-files')


if __name__ == '__main__':
    main()
