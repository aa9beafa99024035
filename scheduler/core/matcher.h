// Gives ready work to slots: greedy in the queue's order, breadth first over the slots, with one reservation per class
// that can only wait. Spends at most the turn's budget.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

void match(FarmState& farm);

// Usable slots that could take the class when empty: what chunk sizes and the time to the end reckon with.
std::uint32_t slots_for(const FarmState& farm, const Demand& demand);

}  // namespace framemill::scheduler
