// Workers as people see them.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

WorkerView view_of(const FarmState& farm, const WorkerEntry& worker, base::Now now);
// How much there is to look at for it: about as many times 150 ns.
std::uint64_t view_cost(const FarmState& farm, const WorkerEntry& worker);

}  // namespace framemill::scheduler
