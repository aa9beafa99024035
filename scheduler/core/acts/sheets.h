// Contact sheets show what is there: they wait until what they show is over, not until it is published.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Those whose inputs are over now become ready.
void wake_sheets(FarmState& farm, JobEntry& job);
// After a retry: what a sheet shows may be under way again, so the sheet waits again.
void hold_sheets(FarmState& farm, JobEntry& job);

}  // namespace framemill::scheduler
