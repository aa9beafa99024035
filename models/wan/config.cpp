#include "models/wan/config.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>

namespace framemill::models {
namespace {

constexpr int kWidthMax = 16384;  // of a transformer; the published ones have up to 5120
constexpr int kLayersMax = 256;

base::Error bad(std::string field, std::string reason) {
  std::string message = field + " " + std::move(reason);
  return {"model.network", std::move(message), std::move(field), ""};
}

struct Range {
  const char* field;
  int value, low, high;
};

base::Status check_ranges(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) {
    if (range.value < range.low || range.value > range.high)
      return bad(range.field, fmt::format("is {}; allowed are {} to {}", range.value, range.low, range.high));
  }
  return {};
}

base::Status check_epsilon(double epsilon) {
  if (epsilon >= 1e-12 && epsilon <= 1e-2) return {};
  return bad("epsilon", fmt::format("is {}; allowed are 1e-12 to 0.01", epsilon));
}

base::Status check_image_branch(const WanTransformerConfig& c) {
  if ((c.image_dim > 0) != (c.added_kv_dim > 0))
    return bad("added_kv_dim", "and image_dim belong together: both are set, or neither");
  if (c.added_kv_dim > 0 && c.added_kv_dim != c.width())
    return bad("added_kv_dim", fmt::format("is {}; it must be heads * head_dim, {}", c.added_kv_dim, c.width()));
  if (c.position_embedding_length > 0 && c.image_dim == 0)
    return bad("position_embedding_length", "is set, but image_dim is not");
  return {};
}

base::Status check_control_branch(const WanTransformerConfig& c) {
  if (c.vace_layers.empty() != (c.vace_in_channels == 0))
    return bad("vace_in_channels", "and vace_layers belong together: both are set, or neither");
  int last = -1;
  for (const int layer : c.vace_layers) {
    if (layer <= last || layer >= c.layers)
      return bad("vace_layers", fmt::format("must rise and stay below {}, the number of layers", c.layers));
    last = layer;
  }
  if (!c.vace_layers.empty() && c.vace_layers.front() != 0) return bad("vace_layers", "must start with layer 0");
  return {};
}

// The shortcuts of the residual form average or repeat whole groups of channels.
base::Status check_shortcuts(const WanAutoencoderConfig& c) {
  const std::size_t levels = c.dim_mult.size();
  for (std::size_t i = 0; i < levels; ++i) {
    const bool last = i + 1 == levels;
    const std::int64_t factor = last ? 1 : (c.temporal_downsample[i] ? 8 : 4);
    const std::int64_t from = std::int64_t{c.base_dim} * (i == 0 ? 1 : c.dim_mult[i - 1]);
    const std::int64_t to = std::int64_t{c.base_dim} * c.dim_mult[i];
    if (from * factor % to != 0)
      return bad("dim_mult", fmt::format("cannot shrink {} channels to {} in level {}", from * factor, to, i));
  }
  for (std::size_t i = 0; i + 1 < levels; ++i) {  // the decoder's levels, from the latents up
    const std::size_t level = levels - 1 - i;
    const std::int64_t factor = c.temporal_downsample[level - 1] ? 8 : 4;
    const std::int64_t from = std::int64_t{c.decoder_width()} * c.dim_mult[i == 0 ? level : level + 1];
    const std::int64_t to = std::int64_t{c.decoder_width()} * c.dim_mult[level];
    if (to * factor % from != 0)
      return bad("dim_mult", fmt::format("cannot repeat {} channels to {} in level {}", from, to * factor, level));
  }
  return {};
}

base::Status check_ratios(const WanAutoencoderConfig& c) {
  int time = 1;
  for (const bool halves : c.temporal_downsample) time *= halves ? 2 : 1;
  const int patch = c.patch_size == 0 ? 1 : c.patch_size;
  const int space = patch << c.temporal_downsample.size();
  if (c.time_ratio != time)
    return bad("time_ratio", fmt::format("is {}; temporal_downsample gives {}", c.time_ratio, time));
  if (c.space_ratio != space)
    return bad("space_ratio", fmt::format("is {}; the levels and patch_size give {}", c.space_ratio, space));
  for (const int channels : {c.in_channels, c.out_channels}) {
    if (channels != 3 * patch * patch)
      return bad("in_channels",
                 fmt::format("and out_channels must be {}: three colours of a patch", 3 * patch * patch));
  }
  return {};
}

}  // namespace

base::Status check(const WanTransformerConfig& c) {
  FM_TRY(check_ranges({{"patch_time", c.patch_time, 1, 8},
                       {"patch_height", c.patch_height, 1, 8},
                       {"patch_width", c.patch_width, 1, 8},
                       {"heads", c.heads, 1, 256},
                       {"head_dim", c.head_dim, 6, 512},
                       {"in_channels", c.in_channels, 1, 1024},
                       {"out_channels", c.out_channels, 1, 1024},
                       {"text_dim", c.text_dim, 1, kWidthMax},
                       {"freq_dim", c.freq_dim, 2, 4096},
                       {"ffn_dim", c.ffn_dim, 1, 8 * kWidthMax},
                       {"layers", c.layers, 1, kLayersMax},
                       {"image_dim", c.image_dim, 0, kWidthMax},
                       {"added_kv_dim", c.added_kv_dim, 0, kWidthMax},
                       {"rope_max_length", c.rope_max_length, 1, 65536},
                       {"position_embedding_length", c.position_embedding_length, 0, 65536},
                       {"vace_in_channels", c.vace_in_channels, 0, 1024}}));
  if (c.width() > kWidthMax)
    return bad("heads", fmt::format("* head_dim is {}; at most {} are allowed", c.width(), kWidthMax));
  if (c.head_dim % 2 != 0) return bad("head_dim", "must be even: positions turn pairs of channels");
  if (c.freq_dim % 2 != 0) return bad("freq_dim", "must be even: sines and cosines");
  FM_TRY(check_epsilon(c.epsilon));
  FM_TRY(check_image_branch(c));
  return check_control_branch(c);
}

base::Status check(const WanAutoencoderConfig& c) {
  FM_TRY(check_ranges({{"base_dim", c.base_dim, 1, 1024},
                       {"decoder_base_dim", c.decoder_base_dim, 0, 1024},
                       {"z_dim", c.z_dim, 1, 256},
                       {"residual_blocks", c.residual_blocks, 1, 8},
                       {"patch_size", c.patch_size, 0, 8}}));
  if (c.dim_mult.size() < 2 || c.dim_mult.size() > 6) return bad("dim_mult", "must have 2 to 6 entries");
  for (const int mult : c.dim_mult) FM_TRY(check_ranges({{"dim_mult", mult, 1, 16}}));
  if (c.temporal_downsample.size() + 1 != c.dim_mult.size())
    return bad("temporal_downsample",
               fmt::format("must have {} entries, one less than dim_mult", c.dim_mult.size() - 1));
  FM_TRY(check_ratios(c));
  const auto entries = static_cast<std::size_t>(c.z_dim);
  if (c.latents_mean.size() != entries || c.latents_std.size() != entries)
    return bad("latents_mean", fmt::format("and latents_std must have {} entries, one for each of z_dim", entries));
  for (const double mean : c.latents_mean) {
    if (!std::isfinite(mean) || std::abs(mean) > 1e6) return bad("latents_mean", "holds a value outside -1e6 to 1e6");
  }
  for (const double deviation : c.latents_std) {
    if (!(deviation >= 1e-6 && deviation <= 1e6)) return bad("latents_std", "holds a value outside 1e-6 to 1e6");
  }
  if (c.is_residual) return check_shortcuts(c);
  // Each upward step halves the channels, rounded down, and some have to be left.
  for (std::size_t level = 1; level < c.dim_mult.size(); ++level) {
    if (c.decoder_width() * c.dim_mult[level] < 2)
      return bad("decoder_base_dim", fmt::format("times dim_mult[{}] must be at least 2", level));
  }
  return {};
}

base::Status check(const Umt5Config& c) {
  FM_TRY(check_ranges({{"d_model", c.d_model, 1, kWidthMax},
                       {"d_ff", c.d_ff, 1, 8 * kWidthMax},
                       {"heads", c.heads, 1, 256},
                       {"d_kv", c.d_kv, 1, 512},
                       {"layers", c.layers, 1, kLayersMax},
                       {"vocabulary", c.vocabulary, 1, 1 << 22},
                       {"relative_buckets", c.relative_buckets, 4, 1024},
                       {"relative_max_distance", c.relative_max_distance, 2, 65536}}));
  if (c.relative_buckets % 4 != 0)
    return bad("relative_buckets", "must be a multiple of 4: two directions, near and far");
  if (c.relative_max_distance <= c.relative_buckets / 4)
    return bad("relative_max_distance",
               fmt::format("must be above {}, a quarter of relative_buckets", c.relative_buckets / 4));
  return check_epsilon(c.epsilon);
}

}  // namespace framemill::models
