// The tensors of the Wan networks: what a complete file of weights holds. One list gives both namings in use - that of
// diffusers and transformers, which is the canonical one here, and that of the models' authors, which ComfyUI's files
// have too - so that neither can lack a tensor that the other has. Nothing of a tensor's size is allocated.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/wan/config.h"

namespace framemill::models {

struct NetworkTensor {
  std::string name;                 // canonical: "blocks.0.attn1.to_q.weight"
  std::string original;             // "blocks.0.self_attn.q.weight"
  std::vector<std::int64_t> shape;  // as files store it, outputs first
};

// All tensors of a network whose sizes passed check(). The order is the network's own.
std::vector<NetworkTensor> tensor_list(const WanTransformerConfig& config);
std::vector<NetworkTensor> tensor_list(const WanAutoencoderConfig& config);
std::vector<NetworkTensor> tensor_list(const Umt5Config& config);

// The same as canonical names and shapes.
using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;
TensorShapes tensors_of(const WanTransformerConfig& config);
TensorShapes tensors_of(const WanAutoencoderConfig& config);
TensorShapes tensors_of(const Umt5Config& config);

}  // namespace framemill::models
