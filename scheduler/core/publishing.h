// The duty to give committed files their final names: ordered of one worker that sees the root, repeated, handed on
// when it falls silent, and rolled forward whatever happens to the job.
#pragma once

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

// The preferred worker if it sees the root and is heard, else the able one with the fewest duties; none when nobody
// does.
WorkerId publish_server(const FarmState& farm, const std::string& root, WorkerId preferred);
// Too much was committed that has no name yet, there or in the whole farm: nothing more is granted until files are
// published (promise P7).
bool at_publish_cap(const FarmState& farm, WorkerId worker);

void order_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, WorkerId committer);
void on_published(FarmState& farm, const TasksPublished& published);
void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed);

// With its report: what it has not done for a while and, where it tells what it holds, does not hold.
void repeat_duties(FarmState& farm, WorkerEntry& worker, const WorkerReported& report);
void adopt_duties(FarmState& farm, WorkerEntry& worker);      // nobody's, whose root it sees
void hand_over_duties(FarmState& farm, WorkerEntry& worker);  // it is silent, or another process now
// Those alone whose root the worker can serve no more.
void hand_over_lost_roots(FarmState& farm, WorkerEntry& worker);
void collect_publish_orders(FarmState& farm);  // at the end of the turn: neighbours in one order

// Intermediate files of jobs that are done.
void sweep_job(FarmState& farm, JobEntry& job);
void repeat_sweeps(FarmState& farm, WorkerEntry& worker);
void on_discarded(FarmState& farm, JobId job);

}  // namespace framemill::scheduler
