// The states of jobs and phases, derived from their tasks at the end of each turn that touched them.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// False: none was touched.
bool derive_touched_states(FarmState& farm);

}  // namespace framemill::scheduler
