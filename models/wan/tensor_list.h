// Builds lists of tensors under two names at once. For the files of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/wan/tensors.h"

namespace framemill::models {

// A module's name in both namings: "blocks.0.attn1.to_q" and "blocks.0.self_attn.q".
struct ModuleName {
  std::string name, original;

  ModuleName operator/(const std::string& part) const { return inside(part, part); }
  ModuleName inside(const std::string& part, const std::string& original_part) const {
    return {join(name, part), join(original, original_part)};
  }

 private:
  static std::string join(const std::string& outer, const std::string& part) {
    return outer.empty() ? part : outer + "." + part;
  }
};

class TensorList {
 public:
  void add(const ModuleName& tensor, std::vector<std::int64_t> shape) {
    tensors_.push_back({tensor.name, tensor.original, std::move(shape)});
  }
  void weight(const ModuleName& module, std::vector<std::int64_t> shape) { add(module / "weight", std::move(shape)); }
  // A matrix or a convolution's kernel, and a bias for each of its outputs, the first extent.
  void weight_and_bias(const ModuleName& module, std::vector<std::int64_t> shape) {
    const std::int64_t outputs = shape.front();
    weight(module, std::move(shape));
    add(module / "bias", {outputs});
  }
  std::vector<NetworkTensor> take() { return std::move(tensors_); }

 private:
  std::vector<NetworkTensor> tensors_;
};

}  // namespace framemill::models
