#include "gpu/torch/wan/autoencoder.h"

#include <fmt/format.h>

#include "base/check.h"
#include "gpu/torch/wan/causal_layers.h"

namespace framemill::gpu {
namespace {

using models::WanAutoencoderConfig;

// Pictures [B, 3, F, H, W] to activations [B, F, h, w, C], and back. A patch is folded into channels column by column.
at::Tensor fold_patches(const WanAutoencoderConfig& config, const at::Tensor& pictures) {
  const int patch = std::max(1, config.patch_size);
  return pictures.unflatten(4, {-1, patch})
      .unflatten(3, {-1, patch})
      .permute({0, 2, 3, 5, 1, 6, 4})
      .flatten(4)
      .contiguous();
}

at::Tensor unfold_patches(const WanAutoencoderConfig& config, const at::Tensor& x) {
  const int patch = std::max(1, config.patch_size);
  return x.unflatten(4, {-1, patch, patch}).permute({0, 4, 1, 2, 6, 3, 5}).flatten(5, 6).flatten(3, 4).contiguous();
}

// The shortcut around a level of the encoder: the values of a cell of time_factor x space_factor x space_factor are
// averaged to `out` channels, runs of neighbouring ones together. A single first frame counts as the last of a cell
// that is zero before it.
at::Tensor averaged(const at::Tensor& x, std::int64_t out, int time_factor, int space_factor) {
  const std::int64_t missing = (time_factor - x.size(1) % time_factor) % time_factor;
  return at::constant_pad_nd(x, {0, 0, 0, 0, 0, 0, missing, 0})
      .unflatten(3, {-1, space_factor})
      .unflatten(2, {-1, space_factor})
      .unflatten(1, {-1, time_factor})
      .permute({0, 1, 3, 5, 7, 2, 4, 6})  // [B, T, H, W, C, and the cell's time, row and column]
      .flatten(4)
      .unflatten(4, {out, -1})
      .mean(-1);
}

// The shortcut around a level of the decoder: channels repeated and dealt out to the places of a cell.
at::Tensor repeated(const at::Tensor& x, std::int64_t out, int time_factor, bool first_piece) {
  const std::int64_t repeats = out * time_factor * 4 / x.size(4);
  at::Tensor y = x.repeat_interleave(repeats, -1)
                     .unflatten(4, {out, time_factor, 2, 2})
                     .permute({0, 1, 5, 2, 6, 3, 7, 4})  // [B, T, time, H, row, W, column, C]
                     .flatten(5, 6)
                     .flatten(3, 4)
                     .flatten(1, 2);
  return first_piece ? y.slice(1, time_factor - 1) : y;
}

at::Tensor middle(CausalPass& pass, const std::string& part, at::Tensor x) {
  x = pass.residual_block(part + ".mid_block.resnets.0", x);
  x = pass.attention(part + ".mid_block.attentions.0", x);
  return pass.residual_block(part + ".mid_block.resnets.1", x);
}

at::Tensor head(CausalPass& pass, const std::string& part, const at::Tensor& x) {
  return pass.norm_silu_conv(part + ".norm_out", part + ".conv_out", x);
}

// One piece of the clip, [B, T, H, W, C] -> [B, 1, h, w, 2 * z_dim].
at::Tensor encode_piece(CausalPass& pass, const WanAutoencoderConfig& config, const at::Tensor& pictures) {
  at::Tensor x = pass.conv("encoder.conv_in", pictures);
  const std::size_t levels = config.dim_mult.size();
  int place = 0;  // without shortcuts all blocks are numbered through
  for (std::size_t level = 0; level < levels; ++level) {
    const bool last = level + 1 == levels;
    const std::string whole = fmt::format("encoder.down_blocks.{}", level);
    at::Tensor shortcut;
    if (config.is_residual) {
      shortcut = averaged(x, std::int64_t{config.base_dim} * config.dim_mult[level],
                          !last && config.temporal_downsample[level] ? 2 : 1, last ? 1 : 2);
    }
    for (int block = 0; block < config.residual_blocks; ++block) {
      x = pass.residual_block(config.is_residual ? fmt::format("{}.resnets.{}", whole, block)
                                                 : fmt::format("encoder.down_blocks.{}", place++),
                              x);
    }
    if (!last) {
      x = pass.downsample(config.is_residual ? whole + ".downsampler" : fmt::format("encoder.down_blocks.{}", place++),
                          x);
    }
    if (shortcut.defined()) x.add_(shortcut);
  }
  x = head(pass, "encoder", middle(pass, "encoder", x));
  pass.end_piece();
  return x;
}

// One latent frame [B, 1, h, w, z_dim] -> [B, 1 or time_ratio, H, W, C].
at::Tensor decode_piece(CausalPass& pass, const WanAutoencoderConfig& config, const at::Tensor& latents) {
  at::Tensor x = pass.conv("decoder.conv_in", latents);
  x = middle(pass, "decoder", x);
  const std::size_t levels = config.dim_mult.size();
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = levels - 1 - i;  // as the encoder counts
    const std::string whole = fmt::format("decoder.up_blocks.{}", i);
    at::Tensor shortcut;
    if (config.is_residual && level > 0) {
      shortcut = repeated(x, std::int64_t{config.decoder_width()} * config.dim_mult[level],
                          config.temporal_downsample[level - 1] ? 2 : 1, pass.in_first_piece());
    }
    for (int block = 0; block <= config.residual_blocks; ++block)
      x = pass.residual_block(fmt::format("{}.resnets.{}", whole, block), x);
    if (level > 0) x = pass.upsample(whole + (config.is_residual ? ".upsampler" : ".upsamplers.0"), x);
    if (shortcut.defined()) x.add_(shortcut);
  }
  x = head(pass, "decoder", x);
  pass.end_piece();
  return x;
}

at::Tensor per_channel(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::kDouble).to(like.device(), at::kFloat).view({1, -1, 1, 1, 1});
}

}  // namespace

at::Tensor wan_encode(const Parameters& p, const WanAutoencoderConfig& config, const at::Tensor& pictures,
                      at::ScalarType compute) {
  const std::int64_t frames = pictures.size(2), ratio = config.time_ratio;
  FM_CHECK(frames >= 1 && (frames - 1) % ratio == 0, "a clip has one frame and a multiple of the time ratio");
  CausalPass pass(p, compute);
  std::vector<at::Tensor> out;
  for (std::int64_t first = 0; first < frames; first += first == 0 ? 1 : ratio) {
    const at::Tensor piece = pictures.narrow(2, first, first == 0 ? 1 : ratio).to(compute);
    const at::Tensor moments = pass.pointwise("quant_conv", encode_piece(pass, config, fold_patches(config, piece)));
    out.push_back(moments.narrow(-1, 0, config.z_dim).to(at::kFloat));
  }
  return at::cat(out, 1).permute({0, 4, 1, 2, 3}).contiguous();
}

WanDecoder::WanDecoder(const Parameters& p, const WanAutoencoderConfig& config, at::Tensor latents,
                       at::ScalarType compute)
    : config_(config), latents_(std::move(latents)), compute_(compute),
      pass_(std::make_unique<CausalPass>(p, compute)) {}

WanDecoder::~WanDecoder() = default;

at::Tensor WanDecoder::next() {
  FM_CHECK(!done(), "decoding beyond the last latent frame");
  const at::Tensor piece = latents_.narrow(2, frames_done_, 1).to(compute_).permute({0, 2, 3, 4, 1}).contiguous();
  const at::Tensor x = decode_piece(*pass_, config_, pass_->pointwise("post_quant_conv", piece));
  ++frames_done_;
  return unfold_patches(config_, x).to(at::kFloat).clamp_(-1, 1);
}

void wan_decode(const Parameters& p, const WanAutoencoderConfig& config, const at::Tensor& latents,
                at::ScalarType compute, const WanFrames& take) {
  WanDecoder decoder(p, config, latents, compute);
  while (!decoder.done()) take(decoder.next());
}

at::Tensor wan_normalise(const WanAutoencoderConfig& config, const at::Tensor& raw) {
  return (raw - per_channel(config.latents_mean, raw)) / per_channel(config.latents_std, raw);
}

at::Tensor wan_denormalise(const WanAutoencoderConfig& config, const at::Tensor& latents) {
  return latents * per_channel(config.latents_std, latents) + per_channel(config.latents_mean, latents);
}

}  // namespace framemill::gpu
