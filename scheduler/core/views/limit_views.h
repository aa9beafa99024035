// Limits as people see them: how many, in use by whom, and what waits.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

// It looks at each slot that uses one, and at each request class that has ready work.
std::vector<LimitView> limit_views(const FarmState& farm);

}  // namespace framemill::scheduler
