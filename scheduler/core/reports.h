// One report of a worker, taken in whole: it says what is, the turn's effects say what should be. Repeats change
// nothing.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

void on_worker_reported(FarmState& farm, WorkerReported report);

// Another process showed a worker's key and was refused: people are told, the worker loses nothing.
void on_worker_key_contested(FarmState& farm, const WorkerKeyContested& event);

// Workers that were not heard for too long get no new grants, and their duties go to others. Leases have their own
// time.
void mark_silent_workers(FarmState& farm);

}  // namespace framemill::scheduler
