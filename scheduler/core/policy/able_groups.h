// Which groups of slots could take a class of work when empty, and whose the slots are. A class is compared with each
// group once; after that only with new groups, and with all of them when measured memory has changed.
#pragma once

#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

const SlotGroups& slot_groups(const FarmState& farm);  // up to date

// By id, ascending, with the number of their slots. Valid until a worker changes or the class is let go.
const FarmState::AbleGroups& able_groups(const FarmState& farm, ClassId demand_class);
// How many of them may run the class at once: all, or as many as its limits allow.
std::uint32_t slots_at_most(const FarmState& farm, ClassId demand_class, ShareId share);
// Workers that have such a slot, ascending. It walks all workers where any has changed since it was last asked.
const std::vector<WorkerId>& able_workers(const FarmState& farm, ClassId demand_class);

}  // namespace framemill::scheduler
