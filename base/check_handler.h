// What happens when a broken invariant is found (base/check.h): the process stops, unless a handler throws. For the
// simulator, which reports the seed; a daemon never sets one. ChecksThrowHere is for one thread alone.
#pragma once

#include <stdexcept>
#include <string>

namespace framemill::base {

struct BrokenInvariant : std::logic_error {
  using std::logic_error::logic_error;
};

// While one lives, a broken invariant on this thread throws BrokenInvariant and the process goes on: for a thread that
// works on a copy which nothing depends on, such as a simulated future, and drops it then.
class ChecksThrowHere {
 public:
  ChecksThrowHere();
  ~ChecksThrowHere();
  ChecksThrowHere(const ChecksThrowHere&) = delete;
  ChecksThrowHere& operator=(const ChecksThrowHere&) = delete;
};

// `text`: the place, the expression and the message. If it returns, the process stops all the same.
using CheckHandler = void (*)(const std::string& text);
// Returns the one before; null: none.
CheckHandler set_check_handler(CheckHandler handler);

}  // namespace framemill::base
