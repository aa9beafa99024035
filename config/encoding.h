// The encoding of a text: UTF-8 is the only one that is read, and others are named. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "config/finding.h"

namespace framemill::config {

// Takes a byte order mark of UTF-8 off the front.
std::string_view without_bom(std::string_view text);

// bad_utf8 where the text is not UTF-8, with what it seems to be.
std::optional<Finding> encoding_error(std::string_view text);

}  // namespace framemill::config
