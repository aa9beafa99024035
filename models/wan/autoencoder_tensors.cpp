#include <cstdint>
#include <string>

#include "models/wan/tensor_list.h"
#include "models/wan/tensors.h"

namespace framemill::models {
namespace {

std::string numbered(const std::string& name, int index) {
  return name + "." + std::to_string(index);
}

void add_gain(TensorList& list, const ModuleName& norm, std::int64_t channels) {
  list.add(norm / "gamma", {channels, 1, 1, 1});
}

void add_residual_block(TensorList& list, const ModuleName& block, std::int64_t inputs, std::int64_t outputs) {
  add_gain(list, block.inside("norm1", "residual.0"), inputs);
  list.weight_and_bias(block.inside("conv1", "residual.2"), {outputs, inputs, 3, 3, 3});
  add_gain(list, block.inside("norm2", "residual.3"), outputs);
  list.weight_and_bias(block.inside("conv2", "residual.6"), {outputs, outputs, 3, 3, 3});
  if (inputs != outputs) list.weight_and_bias(block.inside("conv_shortcut", "shortcut"), {outputs, inputs, 1, 1, 1});
}

// Two residual blocks around attention over the cells of a frame.
void add_middle(TensorList& list, const ModuleName& coder, std::int64_t channels) {
  const ModuleName middle = coder.inside("mid_block", "middle");
  add_residual_block(list, middle.inside("resnets.0", "0"), channels, channels);
  const ModuleName attention = middle.inside("attentions.0", "1");
  list.add(attention / "norm.gamma", {channels, 1, 1});
  list.weight_and_bias(attention / "to_qkv", {3 * channels, channels, 1, 1});
  list.weight_and_bias(attention / "proj", {channels, channels, 1, 1});
  add_residual_block(list, middle.inside("resnets.1", "2"), channels, channels);
}

void add_head(TensorList& list, const ModuleName& coder, std::int64_t channels, std::int64_t outputs) {
  add_gain(list, coder.inside("norm_out", "head.0"), channels);
  list.weight_and_bias(coder.inside("conv_out", "head.2"), {outputs, channels, 3, 3, 3});
}

// Between two levels: half the size in space and, where `in_time`, half the frames.
void add_downsampler(TensorList& list, const ModuleName& sampler, std::int64_t channels, bool in_time) {
  list.weight_and_bias(sampler / "resample.1", {channels, channels, 3, 3});
  if (in_time) list.weight_and_bias(sampler / "time_conv", {channels, channels, 3, 1, 1});
}

void add_upsampler(TensorList& list, const ModuleName& sampler, std::int64_t channels, std::int64_t outputs,
                   bool in_time) {
  list.weight_and_bias(sampler / "resample.1", {outputs, channels, 3, 3});
  if (in_time) list.weight_and_bias(sampler / "time_conv", {2 * channels, channels, 3, 1, 1});
}

// The levels in one flat list (2.1), or each a module of its own (the residual form). In both forms of the authors a
// level's sampler is counted after its blocks.
void add_encoder(TensorList& list, const WanAutoencoderConfig& c) {
  const ModuleName encoder{"encoder", "encoder"};
  list.weight_and_bias(encoder.inside("conv_in", "conv1"), {c.base_dim, c.in_channels, 3, 3, 3});
  std::int64_t channels = c.base_dim;
  int flat = 0;
  const auto flat_module = [&] {
    const int index = flat++;
    return encoder.inside(numbered("down_blocks", index), numbered("downsamples", index));
  };
  for (std::size_t i = 0; i < c.dim_mult.size(); ++i) {
    const std::int64_t outputs = std::int64_t{c.base_dim} * c.dim_mult[i];
    const int number = static_cast<int>(i);
    const ModuleName level = encoder.inside(numbered("down_blocks", number), numbered("downsamples", number));
    for (int block = 0; block < c.residual_blocks; ++block) {
      add_residual_block(
          list,
          c.is_residual ? level.inside(numbered("resnets", block), numbered("downsamples", block)) : flat_module(),
          channels, outputs);
      channels = outputs;
    }
    if (i + 1 < c.dim_mult.size())
      add_downsampler(
          list, c.is_residual ? level.inside("downsampler", numbered("downsamples", c.residual_blocks)) : flat_module(),
          channels, c.temporal_downsample[i]);
  }
  add_middle(list, encoder, channels);
  add_head(list, encoder, channels, 2 * std::int64_t{c.z_dim});
}

void add_decoder(TensorList& list, const WanAutoencoderConfig& c) {
  const ModuleName decoder{"decoder", "decoder"};
  const int levels = static_cast<int>(c.dim_mult.size());
  std::int64_t channels = std::int64_t{c.decoder_width()} * c.dim_mult.back();
  list.weight_and_bias(decoder.inside("conv_in", "conv1"), {channels, c.z_dim, 3, 3, 3});
  add_middle(list, decoder, channels);
  int flat = 0;
  for (int i = 0; i < levels; ++i) {
    const int mult_index = levels - 1 - i;
    const std::int64_t outputs = std::int64_t{c.decoder_width()} * c.dim_mult[static_cast<std::size_t>(mult_index)];
    const ModuleName level{numbered("decoder.up_blocks", i), numbered("decoder.upsamples", i)};
    // A module inside the level: canonical by its own name, in the authors' list by its place.
    const auto part = [&](const std::string& name, int place) {
      if (c.is_residual) return level.inside(name, numbered("upsamples", place));
      return ModuleName{level.name + "." + name, numbered("decoder.upsamples", flat++)};
    };
    for (int block = 0; block <= c.residual_blocks; ++block) {
      add_residual_block(list, part(numbered("resnets", block), block), channels, outputs);
      channels = outputs;
    }
    if (i + 1 == levels) break;
    const std::int64_t next = c.is_residual ? outputs : outputs / 2;
    add_upsampler(list, part(c.is_residual ? "upsampler" : "upsamplers.0", c.residual_blocks + 1), channels, next,
                  c.temporal_downsample[static_cast<std::size_t>(mult_index - 1)]);
    channels = next;
  }
  add_head(list, decoder, channels, c.out_channels);
}

}  // namespace

std::vector<NetworkTensor> tensor_list(const WanAutoencoderConfig& c) {
  TensorList list;
  const std::int64_t z = c.z_dim;
  add_encoder(list, c);
  list.weight_and_bias({"quant_conv", "conv1"}, {2 * z, 2 * z, 1, 1, 1});
  list.weight_and_bias({"post_quant_conv", "conv2"}, {z, z, 1, 1, 1});
  add_decoder(list, c);
  return list.take();
}

}  // namespace framemill::models
