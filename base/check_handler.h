// What happens when a broken invariant is found (base/check.h): the process stops, unless a handler throws. For the
// simulator, which reports the seed; a daemon never sets one.
#pragma once

#include <string>

namespace framemill::base {

// `text`: the place, the expression and the message. If it returns, the process stops all the same.
using CheckHandler = void (*)(const std::string& text);
// Returns the one before; null: none.
CheckHandler set_check_handler(CheckHandler handler);

}  // namespace framemill::base
