// Makes a model package of what people download: finds the networks, holds every tensor against its configuration, and
// writes a directory with a manifest beside the weights, which stay where they are unless they are to be copied. Nothing
// is changed before all of that is known to be good, and the package appears whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/manifest.h"

namespace framemill::models {

enum class Transfer {
  HardLink,      // a second name for the same bytes, on the same file system
  SymbolicLink,  // to what the components read; a licence text is copied
  Copy,
};

struct ImportRequest {
  std::vector<std::filesystem::path> sources;  // one directory, or files
  std::string id;                              // "name@version" or "name"; empty: from the directory's name
  std::filesystem::path into;                  // where packages are kept
  Transfer transfer = Transfer::HardLink;
  std::string licence;                  // an SPDX expression; empty: the one that the publisher states
  std::optional<ComputeDtype> compute;  // of denoiser and text encoder; none: bfloat16
};

struct PlannedFile {
  std::filesystem::path source;  // empty: `contents`
  std::string contents;
  PackageFile entry;  // its digest is not known yet
};

struct PlannedComponent {
  ComponentRole role = ComponentRole::Denoiser;
  std::size_t tensors = 0;  // 0: not a network
  std::string stored;       // the dtypes of its weights: "BF16, F32"
  std::uint64_t size_bytes = 0;
  std::size_t files = 0;
};

struct ImportPlan {
  std::string layout;          // what was recognised
  std::string licence_source;  // "README.md" or "--licence"
  Manifest manifest;           // without the files' digests
  std::vector<PlannedFile> files;
  std::vector<PlannedComponent> components;
  std::vector<std::string> notes;
  std::uint64_t size_bytes = 0;  // of all files
};

// Looks at the sources and changes nothing. Errors: model.import (not recognised, not whole, not supported), model.pickle,
// model.network, model.weights (tensors that are missing, left over, twice or misshapen), model.safetensors,
// model.licence, model.name, file.*.
base::Result<ImportPlan> plan_import(const ImportRequest& request);

// Called now and then with what has been read of plan.size_bytes; false stops the import.
using ImportProgress = std::function<bool(std::uint64_t bytes_done, std::string_view file)>;

inline constexpr std::string_view kImportStopped = "model.stopped";

struct ImportedPackage {
  std::filesystem::path directory;
  Manifest manifest;  // with digests
  base::Sha256 root_digest;
};

// Reads every byte once, for the digests and the copies. Errors: model.exists, model.link (no hard link is possible),
// model.stopped, file.*, storage_full; on any of them nothing of the package is left.
base::Result<ImportedPackage> write_import(const ImportPlan& plan, const ImportRequest& request,
                                           const ImportProgress& progress);

}  // namespace framemill::models
