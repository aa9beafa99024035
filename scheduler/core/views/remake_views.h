// What people see of remakes (remakes.h). Reads only.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

// Files that a remake makes again in this phase: all, or those that have their names.
std::uint64_t remade_files(const JobEntry& remake, const PhaseEntry& phase, bool published);
// Of a first job: the newest ones that are in memory; of a remake: itself.
std::vector<RemakeView> remakes_of(const FarmState& farm, const JobEntry& job);
// What became of a published task that was made again last: a part of a sentence, or empty.
std::string remade_text(const FarmState& farm, const JobEntry& first, const PhaseEntry& phase, TaskIndex task);

}  // namespace framemill::scheduler
