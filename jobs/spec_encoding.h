// In what encoding the bytes of a spec are: UTF-8 is the only one that is read, and others are named. Private to this
// room; pure.
#pragma once

#include <optional>
#include <string_view>

#include "jobs/spec.h"

namespace framemill::jobs {

// Takes a byte order mark of UTF-8 off the front.
std::string_view without_bom(std::string_view text);

// spec.bad_utf8 with the place of the first byte that is not UTF-8, and what the text seems to be instead.
std::optional<SpecError> check_encoding(std::string_view text);

}  // namespace framemill::jobs
