#include "gpu/torch/tensor_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace framemill::gpu {

at::Tensor tensor_of(const LatentBlock& block) {
  at::Tensor tensor = at::empty({block.frames, block.channels, block.height, block.width}, at::kFloat);
  std::memcpy(tensor.mutable_data_ptr(), block.values.data(), block.values.size() * sizeof(float));
  return tensor;
}

LatentBlock block_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kCPU, at::kFloat).contiguous();
  LatentBlock block;
  block.frames = static_cast<int>(flat.size(0));
  block.channels = static_cast<int>(flat.size(1));
  block.height = static_cast<int>(flat.size(2));
  block.width = static_cast<int>(flat.size(3));
  const float* values = flat.const_data_ptr<float>();
  block.values.assign(values, values + flat.numel());
  return block;
}

at::Tensor tensor_of(const ImageBlock& images) {
  at::Tensor tensor = at::empty({images.frames, images.height, images.width, 3}, at::kFloat);
  std::memcpy(tensor.mutable_data_ptr(), images.values.data(), images.values.size() * sizeof(float));
  return tensor;
}

ImageBlock images_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kCPU, at::kFloat).contiguous();
  ImageBlock images;
  images.frames = static_cast<int>(flat.size(0));
  images.height = static_cast<int>(flat.size(1));
  images.width = static_cast<int>(flat.size(2));
  const float* values = flat.const_data_ptr<float>();
  images.values.assign(values, values + flat.numel());
  return images;
}

bool all_finite(const LatentBlock& block) {
  return std::all_of(block.values.begin(), block.values.end(), [](float value) { return std::isfinite(value); });
}

}  // namespace framemill::gpu
