// Reference tensors of the Wan networks (tests/data/wan, written by tools/reference), and the weights that belong to
// them, which are drawn again instead of stored.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstring>
#include <string>

#include "gpu/torch/parameters.h"
#include "models/safetensors.h"
#include "models/wan/tensors.h"

namespace framemill::gpu {

inline models::SafetensorsFile wan_reference(const std::string& name) {
  auto file = models::SafetensorsFile::read(FRAMEMILL_SOURCE_DIR "/tests/data/wan/" + name + ".safetensors", 64 << 20);
  FM_CHECK(file.ok(), "tests/data/wan/" + name + ".safetensors: " + (file.ok() ? "" : file.error().message));
  return std::move(file).value();
}

inline at::Tensor tensor_of(const models::SafetensorsFile& file, const std::string& name) {
  const models::TensorView* view = file.find(name);
  FM_CHECK(view, "no tensor " + name);
  at::Tensor tensor = at::empty(view->shape, view->dtype == models::Dtype::I64 ? at::kLong : at::kFloat);
  std::memcpy(tensor.mutable_data_ptr(), view->bytes.data(), view->bytes.size());
  return tensor;
}

// As tools/reference/vae_umt5.py draws them.
inline Parameters drawn_weights(const models::TensorShapes& shapes) {
  at::Generator random = at::detail::createCPUGenerator(0);
  Parameters p;
  for (const auto& [name, shape] : shapes) {
    at::Tensor value = at::randn(shape, random, at::kFloat);
    if (name.ends_with("gamma") || name.find("norm.weight") != std::string::npos) {
      value = 1 + 0.1 * value;
    } else if (name.ends_with("bias")) {
      value = 0.1 * value;
    } else {
      value = value * (1 / std::sqrt(static_cast<double>(value.numel() / shape[0])));
    }
    p.set(name, value);
  }
  return p;
}

// The same, held against the sums in the file that was made with them.
inline Parameters drawn_weights(const models::TensorShapes& shapes, const models::SafetensorsFile& file) {
  Parameters p = drawn_weights(shapes);
  for (const auto& [name, value] : p.table()) {
    const double sum = tensor_of(file, "sum/" + name).item<double>();
    FM_CHECK(std::abs(value.sum(at::kDouble).item<double>() - sum) < 1e-4 * (1 + std::abs(sum)),
             name + " is not what the reference was made with");
  }
  return p;
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  FM_CHECK(a.sizes() == b.sizes(), "tensors of different shapes are compared");
  return (a - b).abs().max().item<double>();
}

}  // namespace framemill::gpu
