#include "base/clock.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

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

std::string format_rfc3339(WallTime t) {
  const std::int64_t whole_seconds = t.unix_ms >= 0 ? t.unix_ms / 1000 : (t.unix_ms - 999) / 1000;
  const std::time_t seconds_part = whole_seconds;
  std::tm utc{};
  gmtime_r(&seconds_part, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, t.unix_ms - whole_seconds * 1000);
}

}  // namespace framemill::base
