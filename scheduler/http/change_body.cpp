#include "scheduler/http/change_body.h"

#include <fmt/format.h>

namespace framemill::scheduler {
namespace {

constexpr std::int64_t kHoldMsMax = std::int64_t{365} * 24 * 3600 * 1000;  // a year

}  // namespace

base::Result<std::optional<base::Duration>> hold_time_of(const json::object& body) {
  const json::value* time = body.if_contains("for_ms");
  if (time == nullptr) return std::optional<base::Duration>();
  if (!time->is_int64() || time->get_int64() < 1 || time->get_int64() > kHoldMsMax)
    return bad_parameter("for_ms", fmt::format("must be a whole number from 1 to {}", kHoldMsMax));
  return std::optional<base::Duration>(base::milliseconds(time->get_int64()));
}

base::Result<std::int32_t> priority_of(const json::object& body) {
  const json::value* priority = body.if_contains("priority");
  if (priority == nullptr || !priority->is_int64() || priority->get_int64() < 0 || priority->get_int64() > 100)
    return bad_parameter("priority", "must be a whole number from 0 to 100");
  return static_cast<std::int32_t>(priority->get_int64());
}

}  // namespace framemill::scheduler
