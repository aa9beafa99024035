#include "scheduler/core/acts/job_states.h"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/sweeps.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/acts/waits.h"

namespace framemill::scheduler {
namespace {

using jobs::JobState;
using jobs::PhaseState;

PhaseState phase_state(const JobEntry& job, const PhaseEntry& phase) {
  const TaskStates& tasks = phase.tasks;
  if (tasks.count(TaskState::Published) == tasks.size()) return PhaseState::Done;
  const bool alive =
      tasks.count(TaskState::Ready) + tasks.count(TaskState::Leased) + tasks.count(TaskState::Committed) > 0;
  if (!alive && job.record.state == JobState::Cancelled) return PhaseState::Cancelled;
  // What a retry of another part left as it was stays cancelled.
  const bool waiting = tasks.count(TaskState::Waiting) > 0;
  if (!alive && !waiting && tasks.count(TaskState::Cancelled) > 0 && phase.state == PhaseState::Cancelled)
    return PhaseState::Cancelled;
  const bool lost = tasks.count(TaskState::Failed) + tasks.count(TaskState::Quarantined) > 0;
  if (!alive && !waiting && !lost && tasks.count(TaskState::Cancelled) > 0) return PhaseState::Cancelled;
  if (!alive && (job.final() || (lost && !waiting))) return PhaseState::Failed;
  const bool begun = tasks.count(TaskState::Leased) + tasks.count(TaskState::Committed) +
                         tasks.count(TaskState::Published) + tasks.count(TaskState::Failed) +
                         tasks.count(TaskState::Quarantined) >
                     0;
  return begun ? PhaseState::Running : PhaseState::Waiting;
}

JobState job_state(const JobEntry& job) {
  const std::uint64_t alive = job.total(TaskState::Ready) + job.total(TaskState::Leased) +
                              job.total(TaskState::Committed) + job.manifests_owed + job.awaited;
  const std::uint64_t lost =
      job.total(TaskState::Waiting) - job.awaited + job.total(TaskState::Failed) + job.total(TaskState::Quarantined);
  const std::uint64_t cancelled = job.total(TaskState::Cancelled);
  // A cancel that came when everything was made already cancelled nothing.
  if (alive + lost + cancelled == 0) return JobState::Done;
  if (job.record.state == JobState::Cancelled) return JobState::Cancelled;
  // Of a cancelled job a part was retried: what stays cancelled says nothing about that part.
  if (alive == 0) return lost == 0 ? JobState::Done : JobState::Failed;
  if (job.is_stopped() && job.attempts_live == 0) return JobState::Paused;
  return job.record.started.unix_ms != 0 || job.attempts_live > 0 ? JobState::Running : JobState::Queued;
}

JobEvent::What event_of(JobState state) {
  using What = JobEvent::What;
  switch (state) {
    case JobState::Queued:
      return What::Queued;
    case JobState::Running:
      return What::Running;
    case JobState::Paused:
      return What::Paused;
    case JobState::Done:
      return What::Done;
    case JobState::Failed:
      return What::Failed;
    case JobState::Cancelled:
      return What::Cancelled;
  }
  FM_CHECK(false, "a job's state outside its closed list");
}

// Attempts whose lease ran out may still owe tasks that can no longer matter.
void end_stragglers(FarmState& farm, JobEntry& job) {
  std::vector<AttemptId> stragglers;
  for (const PhaseEntry& phase : job.phases)
    for (const auto& [first, id] : phase.attempts)
      if (farm.leases.get(id).left > 0) stragglers.push_back(id);
  for (const AttemptId id : stragglers) revoke_attempt(farm, id, jobs::RevokeReason::Expired);
}

void derive_job(FarmState& farm, JobEntry& job) {
  const bool was_final = jobs::is_final(job.record.state);
  const JobState state = job_state(job);
  if (job.record.started.unix_ms == 0 && job.attempts_live > 0) {
    job.record.started = farm.turn.now.wall;
    farm.turn.mark(job);
  }
  if (state == job.record.state) return;
  farm.jobs.set_state(job, state);
  touch_waiters(farm, job);
  farm.turn.mark(job);
  farm.turn.say(JobEvent{event_of(state), job.record.id, job.record.spec->name, {}});
  // A retry of what is cancelled still reads the latents.
  if (state == JobState::Done && job.total(TaskState::Cancelled) == 0) sweep_job(farm, job);
  if (!jobs::is_final(state) || was_final) return;
  job.record.finished = farm.turn.now.wall;
  dequeue(farm, job);
  end_stragglers(farm, job);
  forget_standings(farm, job);
  for (PhaseEntry& phase : job.phases) farm.turn.touch(job, phase);
  farm.turn.reconsider(job);
}

// Nothing more can come of it without a person: no attempt, no file without its name, no sweep.
void note_rest(FarmState& farm, const JobEntry& job) {
  const bool at_rest = job.final() && job.attempts_live == 0 && job.total(TaskState::Committed) == 0 &&
                       (job.record.state != JobState::Done || job.record.swept || job.total(TaskState::Cancelled) > 0);
  farm.jobs.set_at_rest(job.record.id, at_rest);
}

void note_unserved(FarmState& farm, JobEntry& job) {
  const bool unserved = job.may_be_granted() && job.attempts_live == 0 && job.total(TaskState::Ready) > 0;
  if (!unserved) job.unserved_since.reset();
  if (!unserved || job.unserved_since) return;
  job.unserved_since = farm.turn.now;
  farm.turn.unserved.push_back(job.record.id);
}

void derive_phase(FarmState& farm, JobEntry& job, PhaseEntry& phase) {
  const PhaseState state = phase_state(job, phase);
  if (state == phase.state) return;
  phase.state = state;
  farm.turn.mark(phase);
  show_at_once(farm, job);
  farm.turn.say(LayerEvent{LayerEvent::What::Changed,
                           job.record.id,
                           phase.plan->layer,
                           fmt::format("{}: a phase is {}", job.layer_of(phase).name, jobs::name(state)),
                           {}});
}

}  // namespace

bool derive_touched_states(FarmState& farm) {
  Worklist& work = farm.turn.work;
  if (work.jobs.empty() && work.phases.empty()) return false;
  // A job that becomes final touches itself and all its phases, so jobs come first.
  for (std::size_t i = 0; i < work.jobs.size(); ++i) {
    JobEntry& job = farm.jobs.get(work.jobs[i]);
    job.touched = false;
    derive_job(farm, job);
    if (job.final()) release_waiters(farm, job);
    note_rest(farm, job);
    note_unserved(farm, job);
  }
  work.jobs.clear();
  for (const PhaseId id : work.phases) {
    PhaseEntry& phase = farm.jobs.get(id);
    phase.touched = false;
    derive_phase(farm, farm.job_of(id), phase);
  }
  work.phases.clear();
  return true;
}

}  // namespace framemill::scheduler
