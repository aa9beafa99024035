// How a code and its message read in a sentence. Pure.
#pragma once

#include <string>

namespace framemill::scheduler {

std::string failure_text(const std::string& code, const std::string& message);  // "message [code]", no full stop

}  // namespace framemill::scheduler
