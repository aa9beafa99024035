// From records to a living farm, by the one function that derives everything else; and back, for tests.
#pragma once

#include <vector>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/state/record_set.h"

namespace framemill::scheduler {

// From what the store gave back.
void rebuild(FarmState& farm, RecordSet records);
std::vector<Record> all_records(const FarmState& farm);

}  // namespace framemill::scheduler
