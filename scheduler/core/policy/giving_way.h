// Which work that was granted and has not begun gives its place in a slot to work of higher rank. A step that runs is
// never disturbed: the place is the next one in the slot. Reads only; acts/take_back.h takes it back.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/core/policy/slot_choice.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The phase's work takes the place of what the lease has not begun. Inside a share by priority; of equal ones, what
// continues an older job or an earlier shot (a decode of its latents, its movie) goes before what a later one has not
// begun, and what begins a shot waits for its turn. Between shares where one has nothing running, or less than it is
// guaranteed, and the other more than that and is ahead by more than giving way is worth.
bool may_displace(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, const Lease& lease);
// It may do that to some lease, as far as a short look tells.
bool may_displace_any(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase);
// Some work of the farm may; and of that share.
bool any_may_displace(const FarmState& farm);
bool any_may_displace(const FarmState& farm, ShareId share);

// It lives by its lease, and some of it has not begun, as far as is known.
bool is_displaceable(const FarmState& farm, const Lease& lease);

// For work of the share: of the least urgent jobs first, and there the newest, those of the first 64 leases that are
// displaceable; then the same of the shares that have used most for their weight. The same for all classes, so a turn
// looks for them once.
std::vector<AttemptId> displaceable_leases(const FarmState& farm, ShareId share);

struct Displacement {
  AttemptId attempt;  // gives back what it has not begun
  SlotRef slot;
  TaskIndex task = 0;  // of a grouping whose tasks go one by one
};
// For work that fits nowhere as the farm is. Nothing: none of `leases` would make room for it.
std::optional<Displacement> displacement_for(const FarmState& farm, const std::vector<AttemptId>& leases,
                                             const PhaseEntry& phase, ClassId demand_class,
                                             const SlotChoice::Reservations& reserved,
                                             const SlotChoice::TaskThere& task_there);

}  // namespace framemill::scheduler
