// TOML: files as JSON values, for the user's settings and for doctor's look into the daemons' configuration, and places
// in a spec. The only place of this room that knows the TOML library. Any thread.
//
// Errors: config.missing, config.unreadable, config.syntax (with file:line:column).
#pragma once

#include <boost/json.hpp>

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jobs/spec.h"

namespace framemill::cli {

// Tables become objects, dates and times their text. At most 256 KiB.
base::Result<boost::json::object> read_toml_file(const std::filesystem::path& path);

// Gives errors that only know their field ("layer[1].model") the line and column of that key in the TOML text, where it
// stands there. Packages and plans are checked against values, which have no place any more.
void place_spec_errors(std::string_view toml_text, std::vector<jobs::SpecError>& errors);

}  // namespace framemill::cli
