// Rows of jobs and workers for those who watch, copied after the turns that touched them, so that no question of theirs
// comes to the core's thread. What must be seen at once is copied at once; the rest has its rounds: a bounded amount at
// a time, at a bounded share of the thread's time, in turns with the rows of all that is not over, which change by time
// alone (time to the end, conditions).
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

base::Instant views_due(const FarmState& farm);  // when there is something to take
ViewChanges take_due_views(FarmState& farm);
ViewChanges take_all_views(FarmState& farm);  // everything, as if nothing had been taken before

}  // namespace framemill::scheduler
