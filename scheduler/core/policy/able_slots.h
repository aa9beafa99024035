// Which slots could take a class of work when empty, and whose they are: asked at every grant and for every row that
// people see, changed seldom, so each class walks the slots once and then only after a worker has changed.
#pragma once

#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// By worker and slot, ascending. Valid until a worker changes or the class is let go.
const FarmState::AbleSlots& able_slots(const FarmState& farm, ClassId demand_class);
const std::vector<WorkerId>& able_workers(const FarmState& farm, ClassId demand_class);

}  // namespace framemill::scheduler
