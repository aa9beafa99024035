// What the body of a change of jobs may say, whether of one or of many.
#pragma once

#include <cstdint>
#include <optional>

#include "scheduler/http/call.h"

namespace framemill::scheduler {

base::Result<std::optional<base::Duration>> hold_time_of(const json::object& body);  // for_ms: at most a year
base::Result<std::int32_t> priority_of(const json::object& body);                    // priority: 0 to 100

}  // namespace framemill::scheduler
