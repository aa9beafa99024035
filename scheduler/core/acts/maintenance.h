// Planned drains: a worker that a person takes out of service at a known time. Until then it gets only work that is over
// by then (policy/maintenance.h); at the time it drains by itself.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// At the moment, by the wall clock; takes the place of an earlier plan.
void plan_drain(FarmState& farm, WorkerEntry& worker, base::WallTime at, const Cause& cause);
void cancel_planned_drain(FarmState& farm, WorkerEntry& worker);
// No more work for it; what it has not begun goes to others. How many tasks.
std::uint32_t begin_drain(FarmState& farm, WorkerEntry& worker);

void begin_planned_drains(FarmState& farm);   // at the end of every turn: those that are due
void recall_planned_drains(FarmState& farm);  // after a restart

}  // namespace framemill::scheduler
