// Changes the counts of limits while the farm runs, and reports the jobs that a limit holds back.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// From now on; what is in use beyond a lower count goes on to its end. Errors: limit.unknown, spec.out_of_range.
base::Result<Changed> change_limit(FarmState& farm, const LimitChangeRequested& asked);

// Of the jobs that began to wait in this turn, those whose ready work a limit holds back.
void tell_throttled(FarmState& farm);

}  // namespace framemill::scheduler
