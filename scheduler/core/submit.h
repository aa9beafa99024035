// A job enters the farm: its version is reserved, its plan made, its phases and tasks stand there as ranges.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

base::Result<Submitted> submit_job(FarmState& farm, const JobSubmitted& event);

// What a person did goes on record.
void audit(FarmState& farm, const Cause& cause, std::string verb, std::string target);

}  // namespace framemill::scheduler
