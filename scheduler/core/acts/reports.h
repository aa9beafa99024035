// One report of a worker, taken in whole: it says what is, the turn's effects say what should be. Repeats change
// nothing.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void on_worker_reported(FarmState& farm, WorkerReported report);

// Another process showed a worker's key and was refused: an event reports it, and the worker keeps its work.
void on_worker_key_contested(FarmState& farm, const WorkerKeyContested& event);

// The attempt ends as failed: the task is at fault, not the worker that never heard of it.
void on_grant_undeliverable(FarmState& farm, const GrantUndeliverable& e);

// Workers that were not heard for too long get no new grants, and their duties go to others. Leases have their own
// time.
void mark_silent_workers(FarmState& farm);

}  // namespace framemill::scheduler
