// How much of a lease its worker has begun, as far as it has reported: the rest can be taken back without a loss.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The first part of the attempt's tasks, up to the last that has begun. Windows of one batch are begun together, so it
// may be up to a batch too much. A program takes all its tasks at once. Empty: nothing has begun.
TaskRange begun_part(const FarmState& farm, const PhaseEntry& phase, const Lease& lease);

}  // namespace framemill::scheduler
