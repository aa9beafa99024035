// The bytes of settings files, and TOML files as JSON values for doctor's look into the daemons' configuration. The only
// place of this room that knows the TOML library. Any thread.
//
// Errors: config.missing, config.unreadable, config.syntax (with file:line:column).
#pragma once

#include <boost/json.hpp>

#include <filesystem>
#include <string>

#include "base/result.h"

namespace framemill::cli {

// A plain file of at most 256 KiB.
base::Result<std::string> read_settings_text(const std::filesystem::path& path);
// Tables become objects, dates and times their text. At most 256 KiB.
base::Result<boost::json::object> read_toml_file(const std::filesystem::path& path);

}  // namespace framemill::cli
