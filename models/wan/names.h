// What a tensor of a file of weights is, by its name. Files name the same tensors in one of two ways (tensors.h), some
// with a prefix for the whole network, and carry things beside the weights: scales of 8-bit floats, a second copy of an
// embedding, a tokenizer. Whoever reads weights asks here, so that an importer and a loader agree on every file.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/wan/tensors.h"

namespace framemill::models {

enum class TensorUse {
  Weight,     // the tensor itself
  Scale,      // one number by which every value of the weight is multiplied (8-bit floats)
  Duplicate,  // the weight's values under a second name; stands for the weight in a file that lacks it
  Unused,     // nothing that the network reads
};

struct NamedTensor {
  TensorUse use = TensorUse::Weight;
  std::string name;  // canonical, of the weight; empty: Unused
};

// All names that the tensors of one network may have in files.
class TensorNames {
 public:
  explicit TensorNames(const WanTransformerConfig& config);
  explicit TensorNames(const WanAutoencoderConfig& config);
  explicit TensorNames(const Umt5Config& config);

  // Nothing: the network has no such tensor.
  std::optional<NamedTensor> find(std::string_view name_in_file) const;

 private:
  explicit TensorNames(const std::vector<NetworkTensor>& tensors);
  std::map<std::string, std::string, std::less<>> weights_;  // either name -> the canonical one
};

// The name without a prefix that stands for a whole network: "model.diffusion_model.blocks.0.ffn.0.bias".
std::string_view without_network_prefix(std::string_view name);

// The canonical name of a weight; nothing when the network has no such weight.
std::optional<std::string> canonical_name(const TensorNames& names, std::string_view name_in_file);

// A tensor of U8 that is the sentencepiece model of the text encoder in whose file it lies.
inline constexpr std::string_view kTokenizerTensor = "spiece_model";

}  // namespace framemill::models
