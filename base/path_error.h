// What is wrong with a path below a root, whoever opens it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error_code.h"

namespace framemill::base {

enum class PathError : std::uint8_t {
  Bad,  // not a relative path, or beyond a limit
  Denied,
  Link,  // a link stands in the way, or leads out of every root
  Missing,
  NotAFile
};
std::string_view text_of(PathError error);  // "path.not_a_file"
std::optional<PathError> path_error_from_code(std::string_view code);

}  // namespace framemill::base
