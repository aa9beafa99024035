// Contact sheets show what is there: they wait until what they show is over, not until it is published.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// At the end of a turn: sheets of the jobs it touched, whose inputs are over now.
void wake_sheets(FarmState& farm);
// After a retry: what a sheet shows may be under way again, so the sheet waits again.
void hold_sheets(FarmState& farm, JobEntry& job);

}  // namespace framemill::scheduler
