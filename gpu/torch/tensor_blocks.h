// Latents and pictures between plain values and tensors.
#pragma once

#include <ATen/ATen.h>

#include "gpu/latent_block.h"

namespace framemill::gpu {

at::Tensor tensor_of(const LatentBlock& block);  // [F, C, h, w] float32 on the CPU
LatentBlock block_of(const at::Tensor& tensor);  // from [F, C, h, w] of any dtype and device
at::Tensor tensor_of(const ImageBlock& images);  // [F, H, W, 3] float32 on the CPU
ImageBlock images_of(const at::Tensor& tensor);  // from [F, H, W, 3]
bool all_finite(const LatentBlock& block);

}  // namespace framemill::gpu
