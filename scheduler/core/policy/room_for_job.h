// Whether one more job is taken: the farm has a bound, and so has each person, below it, so that one who submits without
// end keeps nobody else out. Reads only.
#pragma once

#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Errors: farm.too_many_jobs, user.too_many_jobs.
base::Status room_for_job(const FarmState& farm, const std::string& principal);

}  // namespace framemill::scheduler
