"""Random weights for small models of the Wan family, without a library: the layouts of tests/data/wan/layouts lack them.

    write_model(layout, directory, seed)         the directory as people download it, every part with its weights
    write_single_files(layout, directory, seed)  the same weights as single files with the authors' names

What the tensors are called follows from the sizes in each config.json, as in models/wan/tensors.h."""
import json
import random
import shutil
import struct


def pair(name, original, shape):
    return [(f'{name}.weight', f'{original}.weight', shape), (f'{name}.bias', f'{original}.bias', shape[:1])]


def attention(name, original, d):
    rows = [row for part in 'qkv' for row in pair(f'{name}.to_{part}', f'{original}.{part}', [d, d])]
    rows += pair(f'{name}.to_out.0', f'{original}.o', [d, d])
    return rows + [(f'{name}.norm_{part}.weight', f'{original}.norm_{part}.weight', [d]) for part in 'qk']


def transformer(c):
    d, patch = c['num_attention_heads'] * c['attention_head_dim'], c['patch_size']
    cells = patch[0] * patch[1] * patch[2]
    rows = pair('patch_embedding', 'patch_embedding', [d, c['in_channels'], *patch])
    for part, inputs in (('time', c['freq_dim']), ('text', c['text_dim'])):
        for index, (place, width) in enumerate(((0, inputs), (2, d)), 1):
            rows += pair(f'condition_embedder.{part}_embedder.linear_{index}', f'{part}_embedding.{place}', [d, width])
    rows += pair('condition_embedder.time_proj', 'time_projection.1', [6 * d, d])
    for i in range(c['num_layers']):
        layer = f'blocks.{i}'
        rows.append((f'{layer}.scale_shift_table', f'{layer}.modulation', [1, 6, d]))
        rows += attention(f'{layer}.attn1', f'{layer}.self_attn', d) + attention(f'{layer}.attn2', f'{layer}.cross_attn', d)
        rows += pair(f'{layer}.norm2', f'{layer}.norm3', [d])
        rows += pair(f'{layer}.ffn.net.0.proj', f'{layer}.ffn.0', [c['ffn_dim'], d])
        rows += pair(f'{layer}.ffn.net.2', f'{layer}.ffn.2', [d, c['ffn_dim']])
    rows.append(('scale_shift_table', 'head.modulation', [1, 2, d]))
    return rows + pair('proj_out', 'head.head', [c['out_channels'] * cells, d])


def umt5(c):
    d, inner, ff = c['d_model'], c['num_heads'] * c['d_kv'], c['d_ff']
    rows = [('shared.weight', 'token_embedding.weight', [c['vocab_size'], d])]
    for i in range(c['num_layers']):
        block, original = f'encoder.block.{i}.layer', f'blocks.{i}'
        shapes = {'q': [inner, d], 'k': [inner, d], 'v': [inner, d], 'o': [d, inner]}
        rows += [(f'{block}.0.SelfAttention.{part}.weight', f'{original}.attn.{part}.weight', shape)
                 for part, shape in shapes.items()]
        rows.append((f'{block}.0.SelfAttention.relative_attention_bias.weight', f'{original}.pos_embedding.embedding.weight',
                     [c['relative_attention_num_buckets'], c['num_heads']]))
        rows.append((f'{block}.0.layer_norm.weight', f'{original}.norm1.weight', [d]))
        rows += [(f'{block}.1.DenseReluDense.{part}.weight', f'{original}.ffn.{place}.weight', shape)
                 for part, place, shape in (('wi_0', 'gate.0', [ff, d]), ('wi_1', 'fc1', [ff, d]), ('wo', 'fc2', [d, ff]))]
        rows.append((f'{block}.1.layer_norm.weight', f'{original}.norm2.weight', [d]))
    return rows + [('encoder.final_layer_norm.weight', 'norm.weight', [d])]


def residual(name, original, inputs, outputs):
    rows = [(f'{name}.norm1.gamma', f'{original}.residual.0.gamma', [inputs, 1, 1, 1])]
    rows += pair(f'{name}.conv1', f'{original}.residual.2', [outputs, inputs, 3, 3, 3])
    rows.append((f'{name}.norm2.gamma', f'{original}.residual.3.gamma', [outputs, 1, 1, 1]))
    rows += pair(f'{name}.conv2', f'{original}.residual.6', [outputs, outputs, 3, 3, 3])
    if inputs != outputs:
        rows += pair(f'{name}.conv_shortcut', f'{original}.shortcut', [outputs, inputs, 1, 1, 1])
    return rows


def middle_and_head(part, channels, outputs):
    name, original = f'{part}.mid_block', f'{part}.middle'
    rows = residual(f'{name}.resnets.0', f'{original}.0', channels, channels)
    rows.append((f'{name}.attentions.0.norm.gamma', f'{original}.1.norm.gamma', [channels, 1, 1]))
    rows += pair(f'{name}.attentions.0.to_qkv', f'{original}.1.to_qkv', [3 * channels, channels, 1, 1])
    rows += pair(f'{name}.attentions.0.proj', f'{original}.1.proj', [channels, channels, 1, 1])
    rows += residual(f'{name}.resnets.1', f'{original}.2', channels, channels)
    head = [(f'{part}.norm_out.gamma', f'{part}.head.0.gamma', [outputs[0], 1, 1, 1])]
    return rows, head + pair(f'{part}.conv_out', f'{part}.head.2', [outputs[1], outputs[0], 3, 3, 3])


def sampler(name, original, inputs, outputs, time_outputs):
    rows = pair(f'{name}.resample.1', f'{original}.resample.1', [outputs, inputs, 3, 3])
    return rows + (pair(f'{name}.time_conv', f'{original}.time_conv', [time_outputs, inputs, 3, 1, 1]) if time_outputs else [])


def encoder(c):
    channels, mults, whole = c['base_dim'], c['dim_mult'], c['is_residual']
    rows, flat = pair('encoder.conv_in', 'encoder.conv1', [channels, c['in_channels'], 3, 3, 3]), 0
    for level, mult in enumerate(mults):
        outputs = c['base_dim'] * mult
        parts = [('resnets.%d' % block, block) for block in range(c['num_res_blocks'])]
        parts += [('downsampler', c['num_res_blocks'])] if level + 1 < len(mults) else []
        for name, place in parts:
            names = (f'encoder.down_blocks.{level}.{name}', f'encoder.downsamples.{level}.downsamples.{place}') if whole else (
                f'encoder.down_blocks.{flat}', f'encoder.downsamples.{flat}')
            flat += 1
            if name == 'downsampler':
                rows += sampler(*names, channels, channels, channels if c['temperal_downsample'][level] else 0)
            else:
                rows += residual(*names, channels, outputs)
                channels = outputs
    middle, head = middle_and_head('encoder', channels, (channels, 2 * c['z_dim']))
    return rows + middle + head


def decoder(c):
    base, mults, whole = c['decoder_base_dim'] or c['base_dim'], c['dim_mult'], c['is_residual']
    channels, flat, rest = base * mults[-1], 0, []
    rows = pair('decoder.conv_in', 'decoder.conv1', [channels, c['z_dim'], 3, 3, 3])
    first = channels
    for i, mult in enumerate(reversed(mults)):
        outputs, last = base * mult, i + 1 == len(mults)
        parts = [('resnets.%d' % block, block) for block in range(c['num_res_blocks'] + 1)]
        parts += [] if last else [('upsampler' if whole else 'upsamplers.0', c['num_res_blocks'] + 1)]
        for name, place in parts:
            names = (f'decoder.up_blocks.{i}.{name}',
                     f'decoder.upsamples.{i}.upsamples.{place}' if whole else f'decoder.upsamples.{flat}')
            flat += 1
            if name.startswith('upsampler'):
                following = outputs if whole else outputs // 2
                in_time = c['temperal_downsample'][len(mults) - 2 - i]
                rest += sampler(*names, channels, following, 2 * channels if in_time else 0)
                channels = following
            else:
                rest += residual(*names, channels, outputs)
                channels = outputs
    middle, head = middle_and_head('decoder', first, (channels, c['out_channels']))
    return rows + middle + rest + head


def autoencoder(c):
    z = c['z_dim']
    return (encoder(c) + pair('quant_conv', 'conv1', [2 * z, 2 * z, 1, 1, 1]) +
            pair('post_quant_conv', 'conv2', [z, z, 1, 1, 1]) + decoder(c))


NETWORKS = {'transformer': transformer, 'transformer_2': transformer, 'text_encoder': umt5, 'vae': autoencoder}
FILES = {'text_encoder': 'model.safetensors'}


def values(name, shape, seed):
    """Gains of norms are about 1, everything else is small: what comes out is noise, and finite."""
    draw, count = random.Random(f'{seed} {name}'), 1
    for extent in shape:
        count *= extent
    middle = 1.0 if name.endswith('gamma') or ('norm' in name and name.endswith('weight')) else 0.0
    return struct.pack(f'<{count}f', *(middle + draw.uniform(-0.25, 0.25) for _ in range(count)))


def write_safetensors(path, rows, seed, column):
    header, data = {}, b''
    for row in rows:
        contents = values(row[0], row[2], seed)
        header[row[column]] = {'dtype': 'F32', 'shape': row[2], 'data_offsets': [len(data), len(data) + len(contents)]}
        data += contents
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def write_model(layout, directory, seed=1):
    shutil.copytree(layout, directory)
    for index, (part, network) in enumerate(NETWORKS.items()):
        folder = directory / part
        if folder.exists():
            rows = network(json.loads((folder / 'config.json').read_text()))
            write_safetensors(folder / FILES.get(part, 'diffusion_pytorch_model.safetensors'), rows, f'{seed}.{index}', 0)


def write_single_files(layout, directory, seed=1):
    directory.mkdir()
    configs = {part: json.loads((layout / part / 'config.json').read_text()) for part in ('transformer', 'text_encoder', 'vae')}
    for index, part in enumerate(NETWORKS):
        if part in configs:
            write_safetensors(directory / f'small_{part}.safetensors', NETWORKS[part](configs[part]), f'{seed}.{index}', 1)
    c = configs['transformer']
    (directory / 'config.json').write_text(json.dumps(
        {'_class_name': 'WanModel', 'dim': c['num_attention_heads'] * c['attention_head_dim'], 'eps': c['eps'],
         'ffn_dim': c['ffn_dim'], 'freq_dim': c['freq_dim'], 'in_dim': c['in_channels'], 'model_type': 't2v',
         'num_heads': c['num_attention_heads'], 'num_layers': c['num_layers'], 'out_dim': c['out_channels'],
         'text_len': 512}) + '\n')
    shutil.copy(layout / 'tokenizer' / 'tokenizer.json', directory)
    shutil.copy(layout / 'scheduler' / 'scheduler_config.json', directory)
    shutil.copy(layout / 'README.md', directory)
