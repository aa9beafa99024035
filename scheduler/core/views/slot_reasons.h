// Why each slot of the farm does not take a ready task, folded over slots that answer alike.
#pragma once

#include <vector>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

struct SlotReasons {
  std::vector<SlotReason> reasons;  // most slots first
  bool never = false;               // slots are there, and none could ever take it
  bool free = false;                // one could take it now
};
// For that task of the phase; what one worker or another is refused counts at `now`.
SlotReasons slot_reasons(const FarmState& farm, const Demand& demand, const JobEntry& job, const PhaseEntry& phase,
                         TaskIndex task, base::Instant now);

std::string seconds_text(base::Duration left);  // "4 s", at least 1

}  // namespace framemill::scheduler
