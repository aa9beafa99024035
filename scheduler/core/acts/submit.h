// A job enters the farm: its version is reserved, its plan made, its phases and tasks stand there as ranges.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

base::Result<Submitted> submit_job(FarmState& farm, const JobSubmitted& event);

}  // namespace framemill::scheduler
