// Jobs as people see them.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

enum class Detail { Summary, Layers };
JobView view_of(const FarmState& farm, const JobEntry& job, Detail detail);

// "boards t3": a layer's variant, as people call it.
std::string layer_label(const JobEntry& job, const PhaseEntry& phase);

}  // namespace framemill::scheduler
