"""Writes tests/gpu_torch/reference/samplers.txt: what diffusers' schedulers make of two formulas in place of a network.

    python tools/reference/samplers.py > tests/gpu_torch/reference/samplers.txt     # needs diffusers 0.42

A case is a line `case NAME KIND PREDICTION STEPS FIRST MODEL [setting=value]...`, then `timesteps` and `sigmas` (the
first, the second, the middle, the last, the sum) and `latents` (the sum of absolute values, then the values at 0, 100,
383, 500 and 767). MODEL `ratio` is the formula of diffusers' own tests, x t / (t + 1), on their sample; `wave` is another
that does change sign, on the sample spread over -2..2. `fed` says that the scaled input of the network goes into the step
too, as diffusers' tests of the Euler scheduler do it.
"""
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler,
                       FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler)

ELEMENTS = 4 * 3 * 8 * 8


def sample():
    return (torch.arange(ELEMENTS).reshape(3, 8, 8, 4) / ELEMENTS).permute(3, 0, 1, 2)


def noise():
    return (torch.arange(ELEMENTS).flip(-1).reshape(3, 8, 8, 4) / ELEMENTS).permute(3, 0, 1, 2)


def ratio(x, t):
    return x * t / (t + 1)


def wave(x, t):
    return 0.9 * x * torch.cos(t.double() / 300).float() - 0.3 * torch.sin(3 * x)


def numbers(values):
    return ' '.join(f'{v:.9g}' for v in values)


def case(name, kind, prediction, scheduler, steps, first=0, model='ratio', fed=False, settings=''):
    scheduler.set_timesteps(steps)
    x = sample() if model == 'ratio' else sample() * 4 - 2
    if kind == 'euler':
        x = x * scheduler.init_noise_sigma
    timesteps = scheduler.timesteps
    if first:
        x = scheduler.add_noise(sample(), noise(), timesteps[first:first + 1])
    elif kind != 'ddim':
        scheduler.set_begin_index(0)
    for t in timesteps[first:]:
        inputs = scheduler.scale_model_input(x, t) if kind != 'flow_euler' else x
        if fed:
            x = inputs
        x = scheduler.step((ratio if model == 'ratio' else wave)(inputs, t), t, x).prev_sample
    settings = ' '.join(filter(None, [settings, 'fed=1' if fed else '']))
    print(f'case {name} {kind} {prediction} {steps} {first} {model} {settings}'.rstrip())
    at = [0, min(1, steps - 1), steps // 2, steps - 1]
    ts = timesteps.double()
    print('timesteps', numbers([*(ts[i].item() for i in at), ts.sum().item()]))
    if kind != 'ddim':
        sigmas = scheduler.sigmas.double()
        print('sigmas', numbers([*(sigmas[i].item() for i in at), sigmas.sum().item()]))
    flat = x.flatten().double()
    print('latents', numbers([flat.abs().sum().item(), *(flat[i].item() for i in (0, 100, 383, 500, 767))]))


BETAS = dict(beta_start=0.0001, beta_end=0.02, beta_schedule='linear')
SCALED = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear')
LEAST = dict(final_sigmas_type='sigma_min')
V = dict(prediction_type='v_prediction')


def main():
    unipc, dpm = UniPCMultistepScheduler, DPMSolverMultistepScheduler
    for shift in (3, 5, 7):
        for steps in (1, 2, 4, 20, 50):
            flow = dict(prediction_type='flow_prediction', use_flow_sigmas=True, flow_shift=float(shift))
            given = dict(model='wave', settings=f'shift={shift}')
            case('flow', 'flow_euler', 'flow', FlowMatchEulerDiscreteScheduler(shift=float(shift)), steps, **given)
            case('flow', 'flow_unipc', 'flow', unipc(**flow), steps, **given)
            case('flow', 'dpmpp_2m', 'flow', dpm(**flow), steps, **given)
    public = dict(settings='last=least')
    case('public-0.2464', 'unipc', 'epsilon', unipc(**BETAS, **LEAST), 10, **public)
    case('public-0.1014', 'unipc', 'v', unipc(**BETAS, **LEAST, **V), 10, **public)
    case('public-315.5757', 'unipc', 'epsilon', unipc(**BETAS, **LEAST), 10, first=8, **public)
    public = dict(settings='last=least karras=1')
    case('public-0.2925', 'unipc', 'epsilon', unipc(**BETAS, **LEAST, use_karras_sigmas=True), 10, **public)
    case('public-0.1966', 'unipc', 'v', unipc(**BETAS, **LEAST, **V, use_karras_sigmas=True), 10, **public)
    public = dict(settings='last=least whole=1')
    case('public-0.3301', 'dpmpp_2m', 'epsilon', dpm(**BETAS, **LEAST, lower_order_final=False), 10, **public)
    case('public-0.2251', 'dpmpp_2m', 'v', dpm(**BETAS, **LEAST, **V, lower_order_final=False), 10, **public)
    case('public-172.0067', 'ddim', 'epsilon', DDIMScheduler(**BETAS, clip_sample=True), 10)
    case('public-52.5302', 'ddim', 'v', DDIMScheduler(**BETAS, **V, clip_sample=True), 10)
    euler = dict(fed=True, settings='train=1100')
    case('public-10.0807', 'euler', 'epsilon', EulerDiscreteScheduler(1100, **BETAS), 10, **euler)
    euler['settings'] += ' karras=1'
    case('public-124.523', 'euler', 'epsilon', EulerDiscreteScheduler(1100, **BETAS, use_karras_sigmas=True), 10, **euler)
    wavy = dict(model='wave')
    for steps in (1, 5, 20, 33):
        case('zero', 'unipc', 'epsilon', unipc(**SCALED), steps, settings='betas=scaled', **wavy)
        case('zero', 'unipc', 'v', unipc(**SCALED, **V), steps, settings='betas=scaled', **wavy)
        case('zero', 'dpmpp_2m', 'epsilon', dpm(**SCALED), steps, settings='betas=scaled', **wavy)
        case('zero', 'dpmpp_2m', 'v', dpm(**SCALED, **V, use_karras_sigmas=True), steps, settings='betas=scaled karras=1',
             **wavy)
        case('zero', 'ddim', 'v', DDIMScheduler(**SCALED, **V), steps, settings='betas=scaled', **wavy)
        case('zero', 'ddim', 'epsilon', DDIMScheduler(**SCALED, clip_sample=False), steps, settings='betas=scaled clip=0',
             **wavy)
        case('zero', 'euler', 'v', EulerDiscreteScheduler(**SCALED, **V), steps, settings='betas=scaled', **wavy)
    for spacing, offset in (('leading', 1), ('trailing', 0)):
        spaced = dict(timestep_spacing=spacing, steps_offset=offset)
        given = dict(settings=f'betas=scaled spacing={spacing} offset={offset}', **wavy)
        case('spaced', 'unipc', 'epsilon', unipc(**SCALED, **spaced), 20, **given)
        case('spaced', 'dpmpp_2m', 'epsilon', dpm(**SCALED, **spaced), 20, **given)
        case('spaced', 'ddim', 'epsilon', DDIMScheduler(**SCALED, **spaced), 20, **given)
        case('spaced', 'euler', 'epsilon', EulerDiscreteScheduler(**SCALED, **spaced), 20, **given)


if __name__ == '__main__':
    main()
