// Orders to give committed files their final names: each is one worker's duty, repeated, and handed on when that worker
// falls silent or loses the root. What comes of an order is in publishing.h.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void order_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, WorkerId committer);
// With its report: what it has not done for a while and, where it tells what it holds, does not hold.
void repeat_duties(FarmState& farm, WorkerEntry& worker, const WorkerReported& report);
void adopt_duties(FarmState& farm, WorkerEntry& worker);      // nobody's, whose root it sees
void hand_over_duties(FarmState& farm, WorkerEntry& worker);  // it is silent, or another process now
// Those alone whose root the worker can serve no more.
void hand_over_lost_roots(FarmState& farm, WorkerEntry& worker);
void collect_publish_orders(FarmState& farm);  // at the end of the turn: neighbours in one order

}  // namespace framemill::scheduler
