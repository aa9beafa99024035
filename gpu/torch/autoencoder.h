// The frame autoencoder: pictures to latents and back, frame by frame (time ratio 1). A space-to-depth stem, one
// stride, residual convolutions; the decoder is the mirror with pixel shuffles. Latents are normalised per channel with
// the statistics in `latent.mean` and `latent.std`, so the denoiser sees zero mean and unit variance.
#pragma once

#include "gpu/torch/parameters.h"
#include "models/network_shape.h"

namespace framemill::gpu {

Parameters init_autoencoder(const models::NetworkShape& shape, std::uint64_t seed);

// images [n, 3, H, W] in 0..1 -> raw latents [n, C, h, w] within (-3, 3), float32.
at::Tensor encode_raw(const Parameters& p, const at::Tensor& images, at::ScalarType compute);
// raw latents -> images, float32, not clamped.
at::Tensor decode_raw(const Parameters& p, const at::Tensor& latents, at::ScalarType compute);

at::Tensor normalise_latents(const Parameters& p, const at::Tensor& raw);
at::Tensor denormalise_latents(const Parameters& p, const at::Tensor& latents);

}  // namespace framemill::gpu
