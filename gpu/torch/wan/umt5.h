// The encoder half of umT5, which turns a prompt's tokens into what the denoiser attends to: a T5 encoder with a
// relative position bias in every block. Tensor names are those of models/wan/tensors.h.
#pragma once

#include <functional>

#include "gpu/torch/parameters.h"
#include "models/wan/config.h"

namespace framemill::gpu {

// tokens [B, L] int64 within the vocabulary; mask [B, L], not zero where a token counts
// -> embeddings [B, L, d_model] float32, zero where the mask is.
// Matrix products of the projections run in `compute` and are fastest with weights of that dtype; norms, attention and
// the sum that the blocks add to are float32. Positions after the last token that counts cost nothing.
at::Tensor umt5_encode(const Parameters& p, const models::Umt5Config& config, const at::Tensor& tokens,
                       const at::Tensor& mask, at::ScalarType compute, const std::function<void()>& after_layer = {});

}  // namespace framemill::gpu
