#include "gpu/torch/wan/wan_memory.h"

#include <algorithm>

#include "gpu/torch/wan/wan_trajectory.h"

namespace framemill::gpu {

std::uint64_t step_bytes_of(const models::WanTransformerConfig& config, at::ScalarType compute,
                            const models::WanAutoencoderConfig& autoencoder, const WindowShape& shape) {
  const std::int64_t rows_high = shape.height / autoencoder.space_ratio,
                     rows_wide = shape.width / autoencoder.space_ratio;
  const std::int64_t tokens =
      shape.frames / config.patch_time * (rows_high / config.patch_height) * (rows_wide / config.patch_width);
  const auto size = static_cast<std::int64_t>(at::elementSize(compute));
  // The sum that blocks add to and what it is modulated to in float32; queries, keys, values and their attention, or the
  // inside of the feed-forward network with its activation.
  const std::int64_t inside = std::max(std::int64_t{5} * config.width(), std::int64_t{2} * config.ffn_dim);
  const std::int64_t per_token = std::int64_t{4} * config.width() * 4 + inside * size;
  const std::int64_t rows = std::min<std::int64_t>(2, rows_per_call(tokens));
  const std::int64_t latents = std::int64_t{config.in_channels} * shape.frames * rows_high * rows_wide * 4;
  return static_cast<std::uint64_t>(rows * tokens * per_token + 16 * latents);
}

std::uint64_t decode_bytes_of(const models::WanAutoencoderConfig& config, at::ScalarType compute,
                              const WindowShape& shape) {
  const std::int64_t folded = std::max(1, config.patch_size * config.patch_size);
  const std::int64_t cells = std::int64_t{shape.width} * shape.height / folded;
  // At the last level: an input, what its norm and convolution make of it, and two frames kept by each convolution.
  const auto widest = static_cast<std::int64_t>(config.decoder_width()) *
                      *std::max_element(config.dim_mult.begin(), config.dim_mult.end());
  const std::int64_t frames = config.time_ratio, kept = std::int64_t{2} * 2 * (config.residual_blocks + 1);
  const std::int64_t last_level = cells * config.decoder_width() * (5 * frames + kept);
  const std::int64_t wide_level = cells / 4 * widest * (5 * frames);
  return static_cast<std::uint64_t>((last_level + wide_level) * static_cast<std::int64_t>(at::elementSize(compute)));
}

}  // namespace framemill::gpu
