// Holds: why nothing of a job is granted for now, whoever says so. They are placed and lifted one by one; the job goes on
// when the last is gone. What runs is not touched: whoever places a hold decides whether it is stopped.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The same kind from the same person takes the place of the one before, and keeps its beginning. Errors:
// job.too_many_holds, job.hold_is_over (until is not in the future).
base::Status place_hold(FarmState& farm, JobEntry& job, Hold hold);
// All of the kind, whoever placed them.
void lift_holds(FarmState& farm, JobEntry& job, jobs::HoldKind kind);

// At the end of every turn: lifts those whose time is over. By the wall clock, which may jump: a hold keeps work back,
// no lease depends on it (promise P5).
void end_due_holds(FarmState& farm);
void recall_holds(FarmState& farm);                       // after a restart
void forget_holds(FarmState& farm, const JobEntry& job);  // it leaves the memory

}  // namespace framemill::scheduler
