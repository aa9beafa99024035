// Every invariant, derived again and compared: for tests and the simulator.
#pragma once

#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

std::string first_violation(const FarmState& farm);  // empty: all hold

}  // namespace framemill::scheduler
