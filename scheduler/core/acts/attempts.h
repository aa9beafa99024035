// The life of an attempt: granted, its tasks committed one by one, ended. Everything that hangs on it (task states,
// slots, bookings, leases) changes here together.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// Leases the tasks to the slot. They are ready, or wait only for earlier tasks of the same range.
void grant_attempt(FarmState& farm, PhaseEntry& phase, TaskRange tasks, const Demand& demand, WorkerEntry& worker,
                   std::uint32_t slot, std::uint32_t capacity);

enum class CommitAnswer {
  Accepted,
  Repeated,
  Refused,
  NotHeld,   // the attempt goes on, but not with this task, which was taken back from it
  Unplanned  // it names a file that the task's plan does not contain: the attempt is not to be believed
};
CommitAnswer commit_task(FarmState& farm, WorkerEntry& worker, TaskFinished finished);

struct Ending {
  jobs::Outcome outcome = jobs::Outcome::Ok;
  std::string code, message;
  UsageTotals usage;
  std::string output_tail;
};
// Ends it on record; what it had not committed is ready or waiting again, unless another lease holds it, and is
// returned.
std::vector<TaskRange> end_attempt(FarmState& farm, AttemptId id, Ending ending);
// The same, and its worker is told to stop.
void revoke_attempt(FarmState& farm, AttemptId id, jobs::RevokeReason reason);

// Takes the end of what the attempt holds back: it goes on with `keep`, the first part of its tasks, and the rest, of
// which nothing is committed, is ready or waiting again at once, unless another lease holds it. Nobody is charged.
void take_back_tail(FarmState& farm, AttemptId id, TaskRange keep);

// Leases that ran out: their tasks may be granted again, the attempts live on.
void expire_leases(FarmState& farm);
// A report named the attempt: its lease goes on, and revives if it had run out; where a limit is used up meanwhile, it
// is revoked.
void renew_lease(FarmState& farm, Lease& lease);

}  // namespace framemill::scheduler
