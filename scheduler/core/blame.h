// From the way an attempt ended to what it means: whom it is charged to, when the tasks may be tried again, and when a
// task or a worker is given up. Follows the outcome table of jobs/lifecycle.h.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

// Ends the attempt and draws the consequences.
void on_attempt_ended(FarmState& farm, WorkerEntry& worker, const AttemptEnded& ended);

}  // namespace framemill::scheduler
