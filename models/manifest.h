// model.toml, the manifest of a model package: what it is, what it may be given, what it costs and which bytes it
// consists of. Strict: an unknown key is an error that names the nearest known one. docs/model-package.md is the format
// page. Plain values; reading files is package.h's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "jobs/package_facts.h"
#include "models/component.h"

namespace framemill::models {

enum class FileRole { Weights, Vocabulary, Licence, Other, Component };
enum class CarryDtype { F32, F16 };
enum class SamplerKind { FlowEuler, FlowUnipc, Dpmpp2m, Ddim, Euler };
enum class Prediction { Epsilon, V, Flow };  // what the denoiser's output stands for

// In the order of the enumerators: the manifest's words.
inline constexpr std::array<std::string_view, 5> kSamplerKinds = {"flow_euler", "flow_unipc", "dpmpp_2m", "ddim",
                                                                  "euler"};
inline constexpr std::array<std::string_view, 3> kPredictions = {"epsilon", "v", "flow"};

struct PackageFile {
  FileRole role = FileRole::Other;
  std::string path;  // inside the package: relative, '/' between names, no '..'
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256;
  bool operator==(const PackageFile&) const = default;
};

struct Provenance {
  std::string training_data;  // a sentence: what the weights were made from
  std::string program;        // that made them
  std::uint64_t seed = 0;
  std::string hardware;
  bool operator==(const Provenance&) const = default;
};

struct Conditioning {
  jobs::ConditioningKind kind = jobs::ConditioningKind::Vocabulary;
  int max_tokens = 0;           // of a text, its end token included; 0 for a vocabulary
  std::string negative_prompt;  // where the job gives none
  bool operator==(const Conditioning&) const = default;
};

struct Manifest {
  int format = 1;              // 1: the network of the demo model alone; 2: components
  std::string name, version;   // "demo-clips", "1"
  std::string title, licence;  // licence: an SPDX identifier
  Provenance provenance;
  int window_frames = 0, context_frames = 0, fps = 0;
  int width = 0, height = 0;  // pixels
  jobs::WindowLimits limits;  // what a job may choose instead
  jobs::TimeRatio time_ratio;
  jobs::CarryKind carry = jobs::CarryKind::Latents;
  CarryDtype carry_dtype = CarryDtype::F32;
  std::string colour_space;
  SamplerKind sampler = SamplerKind::FlowEuler;
  Prediction prediction = Prediction::Flow;
  int default_steps = 0, steps_max = 0;
  double default_guidance = 1.0, guidance_max = 1.0;
  double guidance_min_level = 0.0;  // noise level below which a window goes on without guidance
  double guidance_rescale = 0.0;    // 0 to 1: how far guidance keeps the spread of the unguided prediction
  double noise_shift = 1.0;         // 1 = levels evenly spread; above: denser near pure noise (gpu/torch/sampler.h)
  // Two denoisers: at noise levels from `boundary` (0 to 1) up denoiser_high_noise predicts, below it denoiser, whose
  // guidance is guidance_low where the job gives none.
  std::optional<double> boundary, guidance_low;
  int batch_max = 1, batch_max_cpu = 1;  // windows one call may take: on any device, and on a CPU
  Conditioning conditioning;
  std::optional<jobs::MemoryPrior> cpu_memory, cuda_memory;  // format 2: predicted where absent
  std::vector<Component> components;  // of format 1: the denoiser (demo-clips@1) and the vocabulary; each role once
  std::vector<PackageFile> files;

  std::string id() const { return name + "@" + version; }
  const PackageFile* file(FileRole role) const;          // the first of that role
  const PackageFile* file(std::string_view path) const;  // nullptr: not in the list
  const Component* component(ComponentRole role) const;  // nullptr: the package has none
  Component* component(ComponentRole role);
  // The network of the demo model. Only where component(Denoiser) has that architecture; its condition's slots come from
  // the vocabulary, see package.h.
  const NetworkShape& network() const;
  bool operator==(const Manifest&) const = default;
};

inline constexpr std::size_t kManifestBytesMax = 256 * 1024;
inline constexpr std::size_t kPackageFilesMax = 256;

// Errors: model.manifest with the field.
base::Result<Manifest> parse_manifest(std::string_view toml);

// model.toml of a manifest of format 2: parse_manifest of it gives an equal manifest.
std::string manifest_text(const Manifest& manifest);

// The digest that stands for the whole package: SHA-256 of the canonical list of model.toml and its files (sha256, size
// and path, sorted by path; docs/model-package.md).
base::Sha256 root_digest(const Manifest& manifest, std::string_view manifest_text);

}  // namespace framemill::models
