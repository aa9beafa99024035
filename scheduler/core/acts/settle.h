// What follows from what a turn has changed (Worklist in turn.h): tasks that waited become ready, files are looked after,
// sheets and manifests come due, states are derived; each may have consequences of its own.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void settle(FarmState& farm);  // until nothing follows any more

}  // namespace framemill::scheduler
