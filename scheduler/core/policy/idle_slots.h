// Work that was granted and waits behind other work in its slot, while a slot that could begin it at once is idle and
// nothing else is ready: at the end of a queue, when a slow worker, or one with a long task, would be the last. Reads
// only; acts/serving.h takes it back and gives it out.
#pragma once

#include <optional>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// A lease of which what has not begun ends sooner in an idle slot, as far as its pace is known, or none. Of the newest
// 64 leases. None while anything is ready: that comes first, and takes the idle slots.
std::optional<AttemptId> waits_beside_idle_slot(const FarmState& farm);

}  // namespace framemill::scheduler
