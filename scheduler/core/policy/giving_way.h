// Which work that was granted and has not begun gives its place in a slot to work of higher rank. A step that runs is
// never disturbed: the place is the next one in the slot. Reads only; acts/take_back.h takes it back.
#pragma once

#include <optional>

#include "scheduler/core/policy/slot_choice.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The phase's work goes before that of the other: by priority; of equal ones, what continues an older job or an earlier
// shot (a decode of its latents, its movie) goes before what a later one has not begun. What begins a shot waits for its
// turn.
bool may_displace(const JobEntry& job, const PhaseEntry& phase, const JobEntry& other, const PhaseEntry& of_other);
// The same of some phase of the other job.
bool may_displace(const JobEntry& job, const PhaseEntry& phase, const JobEntry& other);

// It lives by its lease, and some of it has not begun, as far as is known.
bool is_displaceable(const FarmState& farm, const Lease& lease);

struct Displacement {
  AttemptId attempt;  // gives back what it has not begun
  SlotRef slot;
  TaskIndex task = 0;  // of a grouping whose tasks go one by one
};
// For work that fits nowhere as the farm is. Looks at the least urgent jobs first and there at the newest leases, at most
// 64 of them. Nothing: none of them would make room.
std::optional<Displacement> displacement_for(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                             ClassId demand_class, const SlotChoice::Reservations& reserved,
                                             const SlotChoice::TaskThere& task_there);

}  // namespace framemill::scheduler
