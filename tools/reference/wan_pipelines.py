#!/usr/bin/env python3
"""Writes what whole pipelines of diffusers make of the Wan networks, into pipelines.safetensors.

usage: wan_pipelines.py [DIRECTORY, default tests/data/wan]

PUBLIC/NAME: the networks, settings and expected values of diffusers' own tests (tests/pipelines/wan, commit
58eb52c0803ea9af3abec60841c2a093bdf1f951), which this program checks. Their text encoder's result is practically zero;
here it is zero. Their weights come from PyTorch's initialisation, so they are stored: public_*.safetensors.

WIDE/NAME: wider networks with random texts, more steps and frames, since the values above would not notice a wrong
shift, number of steps or guidance. Weights are those of vae_umt5.py's draw_weights; the second expert's are 0.9 of the
first's. The inputs are drawn by the tests again as inputs() draws them.

Both have the latents before decoding; PUBLIC has the first and last eight values of the video as well.
"""
import pathlib
import sys
from typing import Any

import torch
from diffusers import (AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler,
                       WanImageToVideoPipeline, WanPipeline, WanTransformer3DModel, WanVACEPipeline,
                       WanVACETransformer3DModel, WanVideoToVideoPipeline)
from safetensors.torch import save_file

from vae_umt5 import draw_weights

torch.set_grad_enabled(False)

Tensors = dict[str, torch.Tensor]

SMALL: dict[str, Any] = {'num_attention_heads': 2, 'attention_head_dim': 12, 'text_dim': 32, 'freq_dim': 256,
                         'ffn_dim': 32, 'num_layers': 2, 'rope_max_seq_len': 32}
SMALL_AUTOENCODER: dict[str, Any] = {'base_dim': 3, 'dim_mult': [1, 1, 1, 1], 'num_res_blocks': 1}
RESIDUAL: dict[str, Any] = {'in_channels': 12, 'out_channels': 12, 'is_residual': True, 'patch_size': 2,
                            'scale_factor_spatial': 16}
WIDE: dict[str, Any] = {'num_attention_heads': 4, 'attention_head_dim': 32, 'text_dim': 24, 'freq_dim': 64,
                        'ffn_dim': 160, 'num_layers': 2, 'rope_max_seq_len': 32}

EXPECTED = {
    't2v': [.4525, .452, .4485, .4534, .4524, .4529, .454, .453, .5127, .5326, .5204, .5253, .5439, .5424, .5133, .5078],
    'experts': [.4525, .452, .4485, .4534, .4524, .4529, .454, .453,
                .5127, .5326, .5204, .5253, .5439, .5424, .5133, .5078],
    'ti2v': [.4814, .4298, .5094, .4289, .5061, .4301, .5043, .4284,
             .5375, .5965, .5527, .6014, .5228, .6076, .6644, .5651],
    'ti2v_image': [.4833, .4305, .51, .4299, .5056, .4298, .5052, .4332,
                   .555, .6092, .5536, .5928, .5199, .5864, .6705, .5493],
    'v2v': [.4522, .4534, .4532, .4553, .4526, .4538, .4533, .4547,
            .513, .5176, .5286, .4958, .4955, .5381, .5154, .5195],
    'vace': [.4523, .45198, .44872, .45326, .45211, .45258, .45344, .453,
             .52431, .52572, .50701, .5118, .53717, .53093, .50557, .51402],
}


def flow_unipc(shift: float) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type='flow_prediction', use_flow_sigmas=True, flow_shift=shift)


def run(pipeline_class: type, parts: dict[str, Any], inputs: dict[str, Any], output_type: str) -> torch.Tensor:
    pipeline = pipeline_class(tokenizer=None, text_encoder=None, **parts)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(0)
    frames: torch.Tensor = pipeline(generator=noise, output_type=output_type, **inputs).frames
    return frames


def seeded(module: type, **sizes: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    made: torch.nn.Module = module(**sizes)
    return made.eval()


def public_cases(directory: pathlib.Path) -> Tensors:
    parts = {
        'transformer': seeded(WanTransformer3DModel, **SMALL),
        'transformer_48': seeded(WanTransformer3DModel, in_channels=48, out_channels=48, **SMALL),
        'transformer_vace': seeded(WanVACETransformer3DModel, vace_layers=[0, 2], vace_in_channels=96,
                                   **(SMALL | {'num_layers': 3})),
        'autoencoder': seeded(AutoencoderKLWan, **SMALL_AUTOENCODER),
        'autoencoder_48': seeded(AutoencoderKLWan, z_dim=48, latents_mean=[0.0] * 48, latents_std=[1.0] * 48,
                                 **SMALL_AUTOENCODER, **RESIDUAL),
    }
    for name, module in parts.items():
        save_file(module.state_dict(), directory / f'public_{name}.safetensors')
    text = {'prompt_embeds': torch.zeros(1, 16, 32), 'negative_prompt_embeds': torch.zeros(1, 16, 32)}
    common = text | {'guidance_scale': 6.0, 'num_inference_steps': 2}
    black = torch.zeros(1, 17, 3, 16, 16)
    small = {'height': 16, 'width': 16, 'num_frames': 9}
    large = {'height': 32, 'width': 32, 'num_frames': 9}
    first = {'transformer': parts['transformer'], 'vae': parts['autoencoder']}
    second = {'transformer': parts['transformer_48'], 'vae': parts['autoencoder_48'], 'expand_timesteps': True}
    euler = FlowMatchEulerDiscreteScheduler(shift=7.0)
    cases = {
        't2v': (WanPipeline, first | {'scheduler': euler}, small),
        'experts': (WanPipeline, first | {'scheduler': flow_unipc(3.0), 'transformer_2': parts['transformer'],
                                          'boundary_ratio': 0.875}, small),
        'ti2v': (WanPipeline, second | {'scheduler': flow_unipc(3.0)}, large),
        'ti2v_image': (WanImageToVideoPipeline, second | {'scheduler': flow_unipc(3.0)},
                       large | {'image': torch.zeros(1, 3, 32, 32)}),
        'v2v': (WanVideoToVideoPipeline, first | {'scheduler': UniPCMultistepScheduler(flow_shift=3.0)},
                {'height': 16, 'width': 16, 'video': black, 'num_inference_steps': 4}),
        'vace': (WanVACEPipeline, first | {'scheduler': euler, 'transformer': parts['transformer_vace']},
                 small | {'video': black, 'mask': black, 'num_frames': 17}),
    }
    statistics = parts['autoencoder'].config
    tensors = {'PUBLIC/latents_mean': torch.tensor(statistics.latents_mean),
               'PUBLIC/latents_std': torch.tensor(statistics.latents_std)}
    for name, (pipeline_class, made_of, inputs) in cases.items():
        video = run(pipeline_class, made_of, common | inputs, 'pt').flatten()
        ends = torch.cat([video[:8], video[-8:]])
        worst = (ends - torch.tensor(EXPECTED[name])).abs().max().item()
        print(f'PUBLIC/{name}: {worst:.1e} from the values of diffusers\' tests')
        assert worst < 1e-3, name
        tensors[f'PUBLIC/{name}/ends'] = ends
        tensors[f'PUBLIC/{name}/latents'] = run(pipeline_class, made_of, common | inputs, 'latent')
    return tensors


def inputs() -> Tensors:
    random = torch.Generator().manual_seed(2)
    return {'text': torch.randn((1, 16, 24), generator=random), 'negative': torch.randn((1, 16, 24), generator=random),
            'pictures': torch.rand((1, 17, 3, 32, 32), generator=random),
            'mask': (torch.rand((1, 17, 3, 32, 32), generator=random) > 0.5).float()}


def drawn(module: type, factor: float = 1.0, **sizes: Any) -> torch.nn.Module:
    made: torch.nn.Module = module(**sizes).eval()
    draw_weights(made)
    for value in made.state_dict().values():
        value.mul_(factor)
    return made


def wide_cases() -> Tensors:
    given = inputs()
    autoencoder = drawn(AutoencoderKLWan, base_dim=8, z_dim=4, latents_mean=[0.5, -0.25, 0.0, 0.125],
                        latents_std=[2.0, 0.5, 1.0, 1.5])
    residual = drawn(AutoencoderKLWan, base_dim=4, decoder_base_dim=8, z_dim=6, latents_mean=[0.25] * 6,
                     latents_std=[1.5] * 6, **RESIDUAL)
    four = {'in_channels': 4, 'out_channels': 4}
    plain = drawn(WanTransformer3DModel, **WIDE, **four)
    six = drawn(WanTransformer3DModel, in_channels=6, out_channels=6, **WIDE)
    image = {'in_channels': 12, 'out_channels': 4}  # latents, four mask channels, latents of the image
    vace = drawn(WanVACETransformer3DModel, vace_layers=[0, 1], vace_in_channels=72, **WIDE, **four)
    common = {'prompt_embeds': given['text'], 'negative_prompt_embeds': given['negative'], 'guidance_scale': 5.0,
              'num_inference_steps': 4, 'height': 32, 'width': 32}
    frames = {'num_frames': 17}
    unipc = {'scheduler': flow_unipc(5.0)}
    first = {'vae': autoencoder, 'transformer': plain} | unipc
    second = {'vae': residual, 'transformer': six, 'expand_timesteps': True} | unipc
    low = {'guidance_scale_2': 3.0} | frames
    boundary = {'boundary_ratio': 0.875}
    cases = {
        't2v': (WanPipeline, first, frames),
        't2v_euler': (WanPipeline, first | {'scheduler': FlowMatchEulerDiscreteScheduler(shift=5.0)}, frames),
        'experts': (WanPipeline, first | boundary | {'transformer_2': drawn(WanTransformer3DModel, 0.9, **WIDE, **four)},
                    low),
        'experts_image': (WanImageToVideoPipeline,
                          first | boundary | {'transformer': drawn(WanTransformer3DModel, **WIDE, **image),
                                              'transformer_2': drawn(WanTransformer3DModel, 0.9, **WIDE, **image)},
                          low | {'image': given['pictures'][:, 0]}),
        'ti2v': (WanPipeline, second, frames),
        'ti2v_image': (WanImageToVideoPipeline, second, frames | {'image': given['pictures'][:, 0]}),
        'v2v': (WanVideoToVideoPipeline, first, {'video': given['pictures'], 'strength': 0.75}),
        'vace': (WanVACEPipeline, first | {'transformer': vace},
                 frames | {'video': given['pictures'], 'mask': given['mask'], 'conditioning_scale': 0.75}),
    }
    return {f'WIDE/{name}/latents': run(pipeline_class, parts, common | more, 'latent')
            for name, (pipeline_class, parts, more) in cases.items()}


def main() -> None:
    default = pathlib.Path(__file__).resolve().parents[2] / 'tests/data/wan'
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    directory.mkdir(parents=True, exist_ok=True)
    tensors = public_cases(directory) | wide_cases()
    save_file({name: value.contiguous() for name, value in tensors.items()}, directory / 'pipelines.safetensors')


if __name__ == '__main__':
    main()
