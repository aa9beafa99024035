// What a person did goes on record.
#pragma once

#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void audit(FarmState& farm, const Cause& cause, std::string verb, std::string target);

}  // namespace framemill::scheduler
