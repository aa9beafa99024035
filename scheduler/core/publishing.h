// The duty to give committed files their final names: ordered of one worker that sees the root, repeated, handed on
// when it falls silent, and rolled forward whatever happens to the job.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

void order_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, WorkerId committer);
void on_published(FarmState& farm, const TasksPublished& published);
void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed);

void repeat_duties(FarmState& farm, WorkerEntry& worker);     // with its report: what it has not done for a while
void adopt_duties(FarmState& farm, WorkerEntry& worker);      // nobody's, whose root it sees
void hand_over_duties(FarmState& farm, WorkerEntry& worker);  // it is silent, or another process now
void collect_publish_orders(FarmState& farm);                 // at the end of the turn: neighbours in one order

// Intermediate files of jobs that are done.
void sweep_job(FarmState& farm, JobEntry& job);
void repeat_sweeps(FarmState& farm, WorkerEntry& worker);
void on_discarded(FarmState& farm, JobId job);

}  // namespace framemill::scheduler
