// Why each slot of the farm does not take a ready task, folded over slots that answer alike.
#pragma once

#include <vector>

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

struct SlotReasons {
  std::vector<SlotReason> reasons;  // most slots first
  bool never = false;               // slots are there, and none could ever take it
  bool free = false;                // one could take it now
};
SlotReasons slot_reasons(const FarmState& farm, const Demand& demand);

}  // namespace framemill::scheduler
