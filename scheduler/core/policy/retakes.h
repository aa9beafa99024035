// A new version of a shot that was made before: whether the same frames will get the same windows. Pure.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// One sentence for each layer whose windows lie differently from those of the newest earlier version of its shot that
// has published frames.
std::vector<std::string> retake_warnings(const FarmState& farm, const JobEntry& job);

}  // namespace framemill::scheduler
