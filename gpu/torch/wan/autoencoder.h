// The causal video autoencoder of the Wan family: pictures to latents and back, for both ratios (4x8x8 with 16
// channels, and 4x16x16 with 48 and shortcuts around whole levels). A latent frame holds time_ratio pictures, the first
// one of a clip a single picture. Every convolution over time sees only the frames before its own, so both ways go
// through a clip one latent frame at a time and carry over no more than the last two frames of each convolution's
// input: memory does not grow with the length of the clip.
//
// Tensor names are those of models/wan/tensors.h. Convolutions run in `compute` and are fastest with weights of that
// dtype; norms are float32.
#pragma once

#include <functional>
#include <memory>

#include "gpu/torch/parameters.h"
#include "models/wan/config.h"

namespace framemill::gpu {

// pictures [B, 3, F, H, W] in -1..1, F = 1 + k * time_ratio, H and W multiples of space_ratio
// -> raw latents [B, z_dim, 1 + k, H / space_ratio, W / space_ratio] float32: the mode of the distribution.
at::Tensor wan_encode(const Parameters& p, const models::WanAutoencoderConfig& config, const at::Tensor& pictures,
                      at::ScalarType compute);

class CausalPass;

// From latents to pictures, a latent frame at a time, for whoever writes the first pictures while the last are made.
class WanDecoder {
 public:
  // latents [B, z_dim, f, h, w] raw, f >= 1. The parameters and the configuration outlive it.
  WanDecoder(const Parameters& p, const models::WanAutoencoderConfig& config, at::Tensor latents,
             at::ScalarType compute);
  ~WanDecoder();

  std::int64_t frames_done() const { return frames_done_; }  // latent frames
  bool done() const { return frames_done_ == latents_.size(2); }
  // Of the next latent frame: [B, 3, 1 or time_ratio, H, W] float32 within -1..1. After an exception it is of no use.
  at::Tensor next();

 private:
  const models::WanAutoencoderConfig& config_;
  at::Tensor latents_;
  at::ScalarType compute_;
  std::unique_ptr<CausalPass> pass_;
  std::int64_t frames_done_ = 0;
};

// Called for each latent frame in turn with pictures [B, 3, 1 or time_ratio, H, W] float32 within -1..1.
using WanFrames = std::function<void(const at::Tensor& pictures)>;

// latents [B, z_dim, f, h, w] raw, f >= 1.
void wan_decode(const Parameters& p, const models::WanAutoencoderConfig& config, const at::Tensor& latents,
                at::ScalarType compute, const WanFrames& take);

// Between raw latents and those that the denoiser works on: per channel (raw - latents_mean) / latents_std.
at::Tensor wan_normalise(const models::WanAutoencoderConfig& config, const at::Tensor& raw);
at::Tensor wan_denormalise(const models::WanAutoencoderConfig& config, const at::Tensor& latents);

}  // namespace framemill::gpu
