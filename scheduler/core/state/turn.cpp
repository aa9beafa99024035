#include "scheduler/core/state/turn.h"

#include <utility>

namespace framemill::scheduler {

void Turn::mark(JobEntry& job) {
  if (!job.dirty) jobs.push_back(job.record.id);
  job.dirty = true;
}

void Turn::mark(PhaseEntry& phase) {
  if (!phase.dirty) phases.push_back(phase.id);
  phase.dirty = true;
}

void Turn::mark(PhaseEntry& phase, TaskIndex task, FailureHistory& trouble) {
  if (!trouble.dirty) troubles.emplace_back(phase.id, task);
  trouble.dirty = true;
}

void Turn::mark(Lease& lease) {
  if (!lease.dirty) attempts.push_back(lease.record.id);
  lease.dirty = true;
}

void Turn::mark(WorkerEntry& worker) {
  if (!worker.dirty) workers.push_back(worker.record.id);
  worker.dirty = true;
}

void Turn::touch(JobEntry& job) {
  if (!job.touched) work.jobs.push_back(job.record.id);
  job.touched = true;
}

void Turn::touch(JobEntry& job, PhaseEntry& phase) {
  touch(job);
  if (!phase.touched) work.phases.push_back(phase.id);
  phase.touched = true;
}

void Turn::reconsider(JobEntry& job) {
  if (!job.reconsidered) work.reconsidered.push_back(job.record.id);
  job.reconsidered = true;
}

void Turn::say(FarmEvent event) {
  effects.happened.push_back(std::move(event));
}

}  // namespace framemill::scheduler
