// Whether a piece of text is a value that TOML writes without quotes. Private to this room; pure.
#pragma once

#include <string_view>

namespace framemill::config {

// True for a number, boolean, date or time as TOML writes it.
bool is_toml_scalar(std::string_view text);

}  // namespace framemill::config
