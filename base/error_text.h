// An error as one line for people. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace framemill::base {

// The message, and in brackets what to do where the error says it: "x.exr exists with other contents (move it away, or
// submit a new version)". For records and messages that have no field for the hint.
std::string text_with_hint(const Error& error);

}  // namespace framemill::base
