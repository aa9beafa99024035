// The real clocks, for the shells only: pure code takes base::Now as an argument.
#pragma once

#include <string>

#include "base/time.h"

namespace framemill::base {

Instant monotonic_now();
WallTime wall_now();
Now now();

// RFC 3339 in UTC with milliseconds: 2026-11-22T09:15:30.250Z.
std::string format_rfc3339(WallTime t);

}  // namespace framemill::base
