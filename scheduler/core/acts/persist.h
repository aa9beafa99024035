// The end of a turn: the names of what is dirty become records, in a fixed order, each once, after those that were put
// by the way.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void write_dirty_records(FarmState& farm);

PhaseRecord record_of(const PhaseEntry& phase);

}  // namespace framemill::scheduler
