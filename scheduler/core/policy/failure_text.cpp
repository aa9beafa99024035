#include "scheduler/core/policy/failure_text.h"

#include <fmt/format.h>

namespace framemill::scheduler {

std::string failure_text(const std::string& code, const std::string& message) {
  if (message.empty()) return code;
  return fmt::format("{} [{}]", message.substr(0, message.find_last_not_of(". ") + 1), code);
}

}  // namespace framemill::scheduler
