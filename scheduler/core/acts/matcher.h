// Carries out what the planner decides (policy/planner.h): one placement after the other becomes a lease, until nothing
// more can be placed or the time of the pass is over (FarmState::pass_is_over). The next turn goes on where it stopped, so
// work at the end of a long queue gets its turn, too.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void match(FarmState& farm);

}  // namespace framemill::scheduler
