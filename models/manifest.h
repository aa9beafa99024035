// model.toml, the manifest of a model package: what it is, what it may be given, what it costs and which bytes it
// consists of. Strict: an unknown key is an error that names the nearest known one. docs/model-package.md is the format
// page. Plain values; reading files is package.h's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "jobs/package_facts.h"
#include "models/network_shape.h"

namespace framemill::models {

enum class FileRole { Weights, Vocabulary, Licence, Other };
enum class CarryDtype { F32, F16 };

struct PackageFile {
  FileRole role = FileRole::Other;
  std::string path;  // inside the package: relative, '/' between names, no '..'
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256;
};

struct Provenance {
  std::string training_data;  // a sentence: what the weights were made from
  std::string program;        // that made them
  std::uint64_t seed = 0;
  std::string hardware;
};

struct Manifest {
  std::string name, version;   // "demo-clips", "1"
  std::string title, licence;  // licence: an SPDX identifier
  Provenance provenance;
  int window_frames = 0, context_frames = 0, fps = 0;
  jobs::TimeRatio time_ratio;
  jobs::CarryKind carry = jobs::CarryKind::Latents;
  CarryDtype carry_dtype = CarryDtype::F32;
  std::string colour_space;
  int default_steps = 0, steps_max = 0;
  double default_guidance = 1.0, guidance_max = 1.0;
  double guidance_min_level = 0.0;  // noise level below which a window goes on without guidance
  double guidance_rescale = 0.0;    // 0 to 1: how far guidance keeps the spread of the unguided prediction
  double noise_shift = 1.0;         // 1 = levels evenly spread; above: denser near pure noise (gpu/torch/sampler.h)
  int batch_max = 1, batch_max_cpu = 1;  // windows one call may take: on any device, and on a CPU
  jobs::MemoryPrior cpu_memory, cuda_memory;
  NetworkShape network;  // slots of the condition come from the vocabulary, see package.h
  std::vector<PackageFile> files;

  std::string id() const { return name + "@" + version; }
  const PackageFile* file(FileRole role) const;  // the first of that role
};

inline constexpr std::size_t kManifestBytesMax = 256 * 1024;
inline constexpr std::size_t kPackageFilesMax = 256;

// Errors: model.manifest with the field.
base::Result<Manifest> parse_manifest(std::string_view toml);

// The digest that stands for the whole package: SHA-256 of the canonical list of model.toml and its files (sha256, size
// and path, sorted by path; docs/model-package.md).
base::Sha256 root_digest(const Manifest& manifest, std::string_view manifest_text);

}  // namespace framemill::models
