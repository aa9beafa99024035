// The manual page framemill(1) as troff text for man(1), made of the same declarations as --help. Pure.
#pragma once

#include <string>

#include "cli/verb_info.h"

namespace framemill::cli {

std::string manual_text(const VerbInfo& program, const std::string& version);

}  // namespace framemill::cli
