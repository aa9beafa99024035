// The parts of a model package: a network or a vocabulary each, with its configuration, its files and the precision it
// computes in. Plain values, as the manifest states them ([[component]]).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "models/network_shape.h"
#include "models/wan/config.h"

namespace framemill::models {

enum class ComponentRole { Denoiser, DenoiserHighNoise, TextEncoder, Autoencoder, Tokenizer, Vocabulary };
enum class TensorNaming {
  Diffusers,  // the names that the networks know (models/wan/tensors.h)
  Original,   // those of the family's own files and of ComfyUI's
};
enum class ComputeDtype { F32, Bf16 };

// In the order of the enumerators: the manifest's words.
inline constexpr std::array<std::string_view, 6> kComponentRoles = {
    "denoiser", "denoiser_high_noise", "text_encoder", "autoencoder", "tokenizer", "vocabulary"};
inline constexpr std::array<std::string_view, 2> kTensorNamings = {"diffusers", "original"};
inline constexpr std::array<std::string_view, 2> kComputeDtypes = {"f32", "bf16"};
inline std::string_view name(ComponentRole role) {
  return kComponentRoles[static_cast<std::size_t>(role)];
}

// monostate: an architecture without a configuration of its own (tokenisers and vocabularies).
using ComponentConfig =
    std::variant<std::monostate, WanTransformerConfig, WanAutoencoderConfig, Umt5Config, NetworkShape>;

struct Component {
  ComponentRole role = ComponentRole::Denoiser;
  std::string architecture;  // one of kArchitectures
  TensorNaming naming = TensorNaming::Diffusers;
  ComputeDtype compute = ComputeDtype::F32;
  std::vector<std::string> files;  // paths of the manifest's files; the parts of one set of weights in any order
  ComponentConfig config;
  bool operator==(const Component&) const = default;
};

inline constexpr std::string_view kWanTransformer = "wan-transformer";
inline constexpr std::string_view kWanAutoencoder = "wan-autoencoder";
inline constexpr std::string_view kUmt5Encoder = "umt5-encoder";
inline constexpr std::string_view kUnigram = "unigram";
inline constexpr std::string_view kVocabularyWords = "vocabulary";
inline constexpr std::string_view kDemoClips = "demo-clips@1";  // autoencoder and denoiser in one, of format 1 as well

inline constexpr std::array<std::string_view, 6> kArchitectures = {kWanTransformer, kWanAutoencoder,  kUmt5Encoder,
                                                                   kUnigram,        kVocabularyWords, kDemoClips};

// A configuration of the architecture with its defaults. `architecture` is one of kArchitectures.
ComponentConfig default_config(std::string_view architecture);
bool is_weights(const Component& component);  // its files are safetensors

}  // namespace framemill::models
