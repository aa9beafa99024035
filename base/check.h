// Invariants that hold in release builds too (promise P8: on a broken invariant, stop with a plain message). For what
// must be true whatever the input; input errors are base::Error values.
#pragma once

#include <string_view>

namespace framemill::base {

[[noreturn]] void check_failed(const char* file, int line, const char* expression, std::string_view message);

}  // namespace framemill::base

#define FM_CHECK(CONDITION, MESSAGE)                                              \
  do {                                                                            \
    if (!(CONDITION)) [[unlikely]]                                                \
      ::framemill::base::check_failed(__FILE__, __LINE__, #CONDITION, (MESSAGE)); \
  } while (false)
