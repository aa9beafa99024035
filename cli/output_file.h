// Files that a person names for a verb to write.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace framemill::cli {

// A plain file is replaced as a whole and durably, or not at all; what a symbolic link points to is replaced, not the
// link; a device or a pipe (/dev/stdout) is written to and stays what it is. Errors: file.open, file.write,
// file.disk_full, file.is_directory.
base::Status write_output_file(const std::filesystem::path& path, std::string_view contents);

}  // namespace framemill::cli
