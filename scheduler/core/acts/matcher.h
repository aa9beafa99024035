// Gives ready work to slots: greedy in the queue's order, breadth first over the slots, with one reservation per class
// that can only wait. Spends at most the turn's budget.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void match(FarmState& farm);

}  // namespace framemill::scheduler
