// The denoiser of the Wan family: a transformer over patches of latents, with attention over all tokens of the window
// (three-dimensional rotary positions), attention to the text and, in 2.1 image to video, to an image, and modulation by
// the noise level. One function serves all configurations: 2.1, both experts of 2.2 A14B, 2.2 5B with a noise level per
// token, and VACE, whose control branch gives hints to some layers.
//
// Tensor names are those of models/wan/tensors.h. Matrix products and attention run in `compute` and are fastest with
// weights of that dtype; the sum that the layers add to, norms and modulation are float32.
#pragma once

#include <functional>
#include <vector>

#include "gpu/torch/parameters.h"
#include "models/wan/config.h"

namespace framemill::gpu {

// A token is patch_time x patch_height x patch_width latent cells; tokens are counted in the order frame, row, column.
struct WanInputs {
  at::Tensor latents;  // [B, in_channels, F, h, w], whole patches; with the channels of a condition where it takes them
  at::Tensor level;  // [B] or [B, tokens]: 0 clean to 1000 pure noise. Cheapest on the CPU and where few levels differ
  at::Tensor text;   // [B, L, text_dim], zeros behind a text that is shorter
  at::Tensor image;  // [B, N, image_dim]: embeddings of the image, or of first and last image; undefined without
  at::Tensor control;                 // VACE: [B, vace_in_channels, F, h, w]; undefined elsewhere
  std::vector<double> control_scale;  // VACE: of each of vace_layers; empty: 1
  std::function<void()> after_layer;  // a sign of life: a call may take minutes
};

// [B, out_channels, F, h, w] float32. Throws what LibTorch throws, for shapes that do not fit as well.
at::Tensor wan_predict(const Parameters& p, const models::WanTransformerConfig& config, const WanInputs& inputs,
                       at::ScalarType compute);

}  // namespace framemill::gpu
