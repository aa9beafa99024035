// The bytes of settings files.
//
// Errors: config.missing, config.unreadable.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace framemill::cli {

// A plain file of at most 256 KiB.
base::Result<std::string> read_settings_text(const std::filesystem::path& path);

}  // namespace framemill::cli
