// Moments as text: RFC 3339, the one form in specs, files and answers. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace framemill::base {

// With an offset: "2026-12-24T18:00:00+01:00", "2026-11-22T09:15:30.250Z". Years 1970 to 9999; no leap seconds; digits
// behind the milliseconds are dropped.
std::optional<WallTime> parse_rfc3339(std::string_view text);

enum class Milliseconds { Always, WhereAny };
// In UTC: "2026-11-22T09:15:30.250Z".
std::string format_rfc3339(WallTime moment, Milliseconds milliseconds = Milliseconds::Always);

}  // namespace framemill::base
