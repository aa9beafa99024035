// What a job needs and no worker that the farm knows has, layer by layer: programs, roots, models, a maker of movies and
// sheets. Said at submit, so that a typing mistake does not wait in a queue. Pure.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Sentences for people, in the order of the layers; none when every layer could run somewhere, or no worker is known.
std::vector<std::string> lacks_of(const FarmState& farm, const JobEntry& job);

// Every worker that has the root may only read it: work that writes there could never run.
bool only_read(const FarmState& farm, const std::string& root);

}  // namespace framemill::scheduler
