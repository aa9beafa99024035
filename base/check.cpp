#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace framemill::base {

void check_failed(const char* file, int line, const char* expression, std::string_view message) {
  std::fprintf(stderr, "framemill: broken invariant at %s:%d: %s: %.*s\n", file, line, expression,
               static_cast<int>(message.size()), message.data());
  std::abort();
}

}  // namespace framemill::base
