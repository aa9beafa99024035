// Why each slot of the farm does not take a ready task, folded over slots that answer alike.
#pragma once

#include <vector>

#include "scheduler/core/policy/planner.h"
#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

struct SlotReasons {
  std::vector<SlotReason> reasons;  // most slots first
  bool never = false;               // slots are there, and none could ever take it
};
// For that task of the phase, which asks as the class does; what one worker or another is refused counts at `now`.
// `planner`: one that has found nothing more to place; it knows which slots are kept free for other work. Null: not told.
SlotReasons slot_reasons(const FarmState& farm, ClassId demand_class, const JobEntry& job, const PhaseEntry& phase,
                         TaskIndex task, base::Instant now, const Planner* planner);

std::string seconds_text(base::Duration left);  // "4 s", at least 1

}  // namespace framemill::scheduler
