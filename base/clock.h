// The real clocks, for the shells only: pure code takes base::Now as an argument.
#pragma once

#include "base/time.h"

namespace framemill::base {

Instant monotonic_now();
WallTime wall_now();
Now now();

}  // namespace framemill::base
