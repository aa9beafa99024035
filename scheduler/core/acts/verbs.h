// What people may do to jobs and workers that are already there.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

base::Result<Changed> change_job(FarmState& farm, const JobChangeRequested& asked);
base::Result<JobsChanged> change_jobs(FarmState& farm, const JobsChangeRequested& asked);
base::Result<Changed> change_worker(FarmState& farm, const WorkerChangeRequested& asked);

}  // namespace framemill::scheduler
