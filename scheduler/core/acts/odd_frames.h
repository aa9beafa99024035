// Published frames that turn out to differ from most of their layer: the first ones of a layer have nothing to be
// compared with, and what is published stays. It is kept with the task, shown with the job's failures, and said once.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// `odd`: frames of the phase and how they differ, as a worker reported them. What is not published is left out.
void note_odd_frames(FarmState& farm, PhaseEntry& phase, const std::vector<std::pair<jobs::Frame, std::string>>& odd);

}  // namespace framemill::scheduler
