// The bytes before a spec's text. Private to this room; pure.
#pragma once

#include <string_view>

namespace framemill::jobs {

// Takes a byte order mark of UTF-8 off the front.
std::string_view without_bom(std::string_view text);

}  // namespace framemill::jobs
