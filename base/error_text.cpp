#include "base/error_text.h"

namespace framemill::base {

std::string text_with_hint(const Error& error) {
  return error.hint.empty() ? error.message : error.message + " (" + error.hint + ")";
}

}  // namespace framemill::base
