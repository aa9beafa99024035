// Intermediate files of jobs that are done: one worker that sees their roots is ordered to discard them.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void sweep_job(FarmState& farm, JobEntry& job);
void repeat_sweeps(FarmState& farm, WorkerEntry& worker);
void on_discarded(FarmState& farm, JobId job);

}  // namespace framemill::scheduler
