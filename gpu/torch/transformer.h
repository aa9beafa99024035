// The denoiser: a space-time transformer over latent patches with one noise level per frame. Full attention over all
// tokens of the window and over the condition's tokens, QK normalisation, adaptive layer norm from (noise level of the
// frame, condition). It predicts the clean latents (x0). "These frames are clean" is noise level 0 for them, which
// makes chains, image-to-video, in-between and keyframes the same network.
#pragma once

#include "gpu/torch/parameters.h"
#include "models/network_shape.h"

namespace framemill::gpu {

Parameters init_transformer(const models::NetworkShape& shape, std::uint64_t seed);

// noisy     [B, F, C, h, w] float32, F <= window_frames
// level     [B, F] float32 in 0..1: 0 clean, 1 pure noise (rectified flow: noisy = (1 - level) x0 + level noise)
// condition [B, condition_size] int64: slot indices, 0 = unspecified
// Returns x0 [B, F, C, h, w] float32.
at::Tensor predict_clean(const Parameters& p, const models::NetworkShape& shape, const at::Tensor& noisy,
                         const at::Tensor& level, const at::Tensor& condition, at::ScalarType compute);

}  // namespace framemill::gpu
