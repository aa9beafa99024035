// Workers as people see them.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

WorkerView view_of(const FarmState& farm, const WorkerEntry& worker, base::Now now);

}  // namespace framemill::scheduler
