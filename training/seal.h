// Sealing a package: the manifest's list of files, with sizes and SHA-256, made from what lies in the directory.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace framemill::train {

// Rewrites model.toml from its first [[file]] on: one entry per file of the directory, roles by name
// (weights.safetensors, vocabulary.toml, LICENCE, others). What stands before is kept byte for byte. Then opens and
// verifies the package.
base::Status seal_package(const std::filesystem::path& directory);

}  // namespace framemill::train
