#include "base/clock.h"

#include <chrono>

namespace framemill::base {

Instant monotonic_now() {
  using namespace std::chrono;
  return {duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch()).count()};
}

WallTime wall_now() {
  using namespace std::chrono;
  return {duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch()).count()};
}

Now now() {
  return {monotonic_now(), wall_now()};
}

}  // namespace framemill::base
