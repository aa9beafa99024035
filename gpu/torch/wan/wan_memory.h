// First guesses at the memory that calls of the Wan networks need beside the weights: from shapes alone, before anything
// was measured. Pure.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "gpu/generator.h"
#include "models/wan/config.h"

namespace framemill::gpu {

// A sampler step of one more window. No value of `shape` is 0.
std::uint64_t step_bytes_of(const models::WanTransformerConfig& config, at::ScalarType compute,
                            const models::WanAutoencoderConfig& autoencoder, const WindowShape& shape);
// The next pictures of one more window, and what the decoder keeps for those after. It does not depend on the frames.
std::uint64_t decode_bytes_of(const models::WanAutoencoderConfig& config, at::ScalarType compute,
                              const WindowShape& shape);

}  // namespace framemill::gpu
