// What a job's spec makes it wait for: a time (start_after) and other jobs (after_job). Until then it is held by kinds of
// their own, so that a pause stays what people do; its state stays queued. The holds end by themselves. A job waits only
// for jobs that were there when it was submitted, so no circle can come about.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The jobs that the spec names, as far as they have to be waited for. Error: spec.unknown_job.
base::Result<std::vector<AwaitedJob>> awaited_jobs(const FarmState& farm, const jobs::JobSpec& spec);

// Of a new job, whose record names what it awaits: places the holds. What a person should know goes to `warnings`.
void begin_waits(FarmState& farm, JobEntry& job, std::vector<std::string>& warnings);
// It goes on without what it waits for.
void waive_waits(FarmState& farm, JobEntry& job);

// The job is over: those that waited for this no longer do. Those that wait for its success go on waiting if it has
// failed or was cancelled, for it may be retried.
void release_waiters(FarmState& farm, const JobEntry& job);

// Marks the jobs that wait for this one for an update of their views.
void touch_waiters(FarmState& farm, const JobEntry& job);

void recall_waits(FarmState& farm);                       // after a restart
void forget_waits(FarmState& farm, const JobEntry& job);  // it leaves the memory

}  // namespace framemill::scheduler
