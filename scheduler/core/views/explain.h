// "Why is it not running?", as data: what holds the task back in the farm as a whole, or per kind of slot, and what
// would change it.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

base::Result<ExplainView> explain_task(const FarmState& farm, JobId job, const std::string& layer,
                                       std::optional<std::uint32_t> variant, std::optional<jobs::Frame> frame,
                                       base::Now now);

}  // namespace framemill::scheduler
