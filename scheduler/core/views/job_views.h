// Jobs as people see them.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/conditions.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

JobView view_of(const FarmState& farm, const JobEntry& job, Conditions& conditions);
// How much there is to look at for it: about as many times 150 ns.
std::uint64_t view_cost(const FarmState& farm, const JobEntry& job);

// The frame by which a person finds a task that had trouble: the one that was found bad, else the first of its own.
std::optional<jobs::Frame> frame_to_look_at(const PhaseEntry& phase, TaskIndex task);

}  // namespace framemill::scheduler
