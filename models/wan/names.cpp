#include "models/wan/names.h"

#include <array>

namespace framemill::models {
namespace {

constexpr std::array<std::string_view, 6> kNetworkPrefixes = {
    "model.diffusion_model.", "diffusion_model.", "first_stage_model.", "vae.", "text_encoders.umt5xxl.transformer.",
    "text_encoder."};

// The input and output embedding of T5 are one; files of the encoder alone may hold it under either name or both.
constexpr std::string_view kEmbedding = "shared.weight";
constexpr std::string_view kEmbeddingAgain = "encoder.embed_tokens.weight";

struct Suffix {
  std::string_view text;
  TensorUse use;
};
// What quantising tools add to "x.weight", in two generations of names. Scales of inputs serve arithmetic in 8 bits.
constexpr std::array<Suffix, 5> kSuffixes = {{{".scale_weight", TensorUse::Scale},
                                              {".weight_scale", TensorUse::Scale},
                                              {".scale_input", TensorUse::Unused},
                                              {".input_scale", TensorUse::Unused},
                                              {".comfy_quant", TensorUse::Unused}}};

}  // namespace

TensorNames::TensorNames(const WanTransformerConfig& config) : TensorNames(tensor_list(config)) {}
TensorNames::TensorNames(const WanAutoencoderConfig& config) : TensorNames(tensor_list(config)) {}
TensorNames::TensorNames(const Umt5Config& config) : TensorNames(tensor_list(config)) {}

TensorNames::TensorNames(const std::vector<NetworkTensor>& tensors) {
  for (const NetworkTensor& tensor : tensors) {
    weights_.emplace(tensor.name, tensor.name);
    weights_.emplace(tensor.original, tensor.name);
  }
}

std::optional<NamedTensor> TensorNames::find(std::string_view name_in_file) const {
  const std::string_view name = without_network_prefix(name_in_file);
  if (const auto found = weights_.find(name); found != weights_.end()) return NamedTensor{{}, found->second};
  if (name == kEmbeddingAgain && weights_.contains(kEmbedding))
    return NamedTensor{TensorUse::Duplicate, std::string(kEmbedding)};
  if (name == "scaled_fp8") return NamedTensor{TensorUse::Unused, {}};
  if (name == kTokenizerTensor && weights_.contains(kEmbedding)) return NamedTensor{TensorUse::Unused, {}};
  for (const Suffix& suffix : kSuffixes) {
    if (!name.ends_with(suffix.text)) continue;
    const std::string weight = std::string(name.substr(0, name.size() - suffix.text.size())) + ".weight";
    const auto found = weights_.find(weight);
    if (found == weights_.end()) return std::nullopt;
    return NamedTensor{suffix.use, suffix.use == TensorUse::Scale ? found->second : std::string()};
  }
  return std::nullopt;
}

std::string_view without_network_prefix(std::string_view name) {
  for (const std::string_view prefix : kNetworkPrefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

std::optional<std::string> canonical_name(const TensorNames& names, std::string_view name_in_file) {
  auto found = names.find(name_in_file);
  if (!found || found->use != TensorUse::Weight) return std::nullopt;
  return std::move(found->name);
}

}  // namespace framemill::models
