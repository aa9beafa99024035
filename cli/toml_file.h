// TOML files as JSON values, for the user's settings and for doctor's look into the daemons' configuration. The only
// place of this room that knows the TOML library. Any thread.
//
// Errors: config.missing, config.unreadable, config.syntax (with file:line:column).
#pragma once

#include <boost/json.hpp>

#include <filesystem>

#include "base/result.h"

namespace framemill::cli {

// Tables become objects, dates and times their text. At most 256 KiB.
base::Result<boost::json::object> read_toml_file(const std::filesystem::path& path);

}  // namespace framemill::cli
