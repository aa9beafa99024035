// Workers as people see them.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

WorkerView view_of(const FarmState& farm, const WorkerEntry& worker, base::Now now);

}  // namespace framemill::scheduler
