// Work that was leased and has not begun can be taken back: its tasks are ready again at once, for other workers, and
// nobody is charged. What has begun stays where it is, so that nothing is made twice. A drain needs it; so will work
// that must not wait.
#pragma once

#include <cstdint>

#include "scheduler/core/policy/planner.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Takes back what the worker's attempts have not begun; how many tasks. An attempt that has begun nothing ends. They
// count in the worker's `tasks_taken_back`.
std::uint32_t take_back_unbegun(FarmState& farm, WorkerEntry& worker);

// The same of one attempt; it does not count there.
std::uint32_t take_back(FarmState& farm, AttemptId attempt);

// The same of what the slot holds and the placement goes before.
void make_room(FarmState& farm, const Placement& placement);

}  // namespace framemill::scheduler
