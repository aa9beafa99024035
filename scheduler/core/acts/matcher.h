// Carries out what the planner decides (policy/planner.h): one placement after the other becomes a lease, at most as
// many as the turn's budget allows.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void match(FarmState& farm);

}  // namespace framemill::scheduler
