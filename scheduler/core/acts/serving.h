// After the work of a turn was given out: what waits in its slot while another is idle (policy/idle_slots.h) goes there.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void serve_idle_slots(FarmState& farm);

}  // namespace framemill::scheduler
