// From the way an attempt ended to what it means: whom it is charged to, and when a task is given up. Follows the outcome
// table of jobs/lifecycle.h; what it says about the worker is in standings.h.
#pragma once

#include "jobs/attempt_error.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Ends the attempt and draws the consequences.
void on_attempt_ended(FarmState& farm, WorkerEntry& worker, const AttemptEnded& ended);
// Its worker is gone, no longer holds it, or (NoProgress) does not get on with it: charged to nobody.
void on_attempt_lost(FarmState& farm, AttemptId id, const std::string& message,
                     jobs::AttemptError error = jobs::AttemptError::WorkerLost);
// Its grant never left: nobody has begun it, so it says nothing about its worker, and its tasks are ready again.
void on_grant_lost(FarmState& farm, AttemptId id, jobs::AttemptError error, const std::string& message);

}  // namespace framemill::scheduler
