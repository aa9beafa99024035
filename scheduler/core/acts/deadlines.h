// Jobs with a deadline change their rank when it comes to be at risk (policy/deadline_risk.h): each is looked at now and
// then, by the wall clock, which ranks here and decides nothing else (promise P5).
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// It has a deadline or has it no longer, or it goes on after it was over: it is ranked in this turn.
void watch_deadline(FarmState& farm, JobEntry& job);
// At the end of every turn: those that are due, a bounded number of them.
void rank_by_deadlines(FarmState& farm);
void forget_deadline(FarmState& farm, JobEntry& job);  // it leaves the memory

}  // namespace framemill::scheduler
