#include "scheduler/core/acts/verbs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/deadlines.h"
#include "scheduler/core/acts/holding.h"
#include "scheduler/core/acts/maintenance.h"
#include "scheduler/core/acts/publish_orders.h"
#include "scheduler/core/acts/publishing.h"
#include "scheduler/core/acts/remakes.h"
#include "scheduler/core/acts/sheets.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/waits.h"
#include "scheduler/core/policy/readiness.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

using jobs::JobState;

base::Error is_final_error(const JobEntry& job) {
  return base::error_of(Refusal::JobFinal,
                        fmt::format("job {} is {}", job.record.id.value, jobs::name(job.record.state)), "job",
                        job.record.state == JobState::Done ? "the job is finished; submit it again for a new version"
                                                           : "only retry can reopen it");
}

bool is_priority(std::int32_t value) {
  return value >= 0 && value <= 100;
}

base::Error priority_error() {
  return base::error_of(Refusal::SpecOutOfRange, "a priority is a number from 0 to 100", "priority");
}

// Ends what the job runs: its workers stop at the next step boundary. An attempt that owes nothing is left to report.
void stop_attempts(FarmState& farm, JobEntry& job, jobs::RevokeReason reason) {
  std::vector<AttemptId> running;
  for (const PhaseEntry& phase : job.phases)
    for (const auto& [first, id] : phase.attempts)
      if (farm.leases.get(id).left > 0) running.push_back(id);
  for (const AttemptId id : running) revoke_attempt(farm, id, reason);
}

std::uint32_t cancel(FarmState& farm, JobEntry& job) {
  stop_attempts(farm, job, jobs::RevokeReason::Cancelled);
  std::uint32_t cancelled = 0;
  for (PhaseEntry& phase : job.phases) {
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()})) {
      if (run.state != TaskState::Waiting && run.state != TaskState::Ready) continue;
      move_tasks(farm, phase, run.tasks, TaskState::Cancelled);
      cancelled += run.tasks.count;
    }
    farm.turn.touch(job, phase);
  }
  dequeue(farm, job);
  farm.jobs.set_state(job, JobState::Cancelled);
  touch_waiters(farm, job);
  job.record.finished = farm.turn.now.wall;
  farm.turn.say(JobEvent{JobEvent::What::Cancelled, job.record.id, job.record.spec->name, {}});
  return cancelled;
}

bool is_selected(const PhaseEntry& phase, TaskIndex task, const std::optional<jobs::FrameSet>& frames) {
  if (!frames) return true;
  const jobs::FrameSet made = phase.frames_of(task);
  for (const jobs::FrameSpan& span : made.spans())
    if (!frames->within(span.first, span.last).empty()) return true;
  return false;
}

struct Reopened {
  std::uint32_t tasks = 0;
  bool met_published = false;
  std::vector<std::pair<PhaseEntry*, StateRun>> runs;  // as they were
};

void reopen_task(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  if (!failed_files_stay(phase, task)) return return_tasks(farm, phase, {task, 1});
  move_tasks(farm, phase, {task, 1}, TaskState::Committed);  // its files are there: they want a name only
  order_publish(farm, phase, task, AttemptId{}, WorkerId{});
}

void reopen_phase(FarmState& farm, PhaseEntry& phase, const std::optional<jobs::FrameSet>& frames, Reopened& reopened) {
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()})) {
    const bool lost =
        run.state == TaskState::Failed || run.state == TaskState::Quarantined || run.state == TaskState::Cancelled;
    if (!lost) {
      if (run.state == TaskState::Published && !phase.plan->traits().intermediate) {
        if (!frames) reopened.met_published = true;
        for (TaskIndex t = run.tasks.first; !reopened.met_published && t < run.tasks.end(); ++t)
          reopened.met_published = is_selected(phase, t, frames);
      }
      continue;
    }
    if (run.state == TaskState::Cancelled && !frames &&
        phase.troubles.lower_bound(run.tasks.first) == phase.troubles.end()) {
      return_tasks(farm, phase, run.tasks);  // millions at once
      reopened.tasks += run.tasks.count;
      reopened.runs.emplace_back(&phase, run);
      continue;
    }
    for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t) {
      if (!is_selected(phase, t, frames)) continue;
      reopen_task(farm, phase, t);
      ++reopened.tasks;
      reopened.runs.emplace_back(&phase, StateRun{{t, 1}, run.state});
    }
  }
}

bool is_alive(const JobEntry& job) {
  return job.total(TaskState::Ready) + job.total(TaskState::Leased) + job.total(TaskState::Committed) > 0;
}

// Everything that was reopened waits for what nobody makes any more: it stays as it was.
base::Error close_again(FarmState& farm, JobEntry& job, const Reopened& reopened) {
  const auto& [phase, run] = reopened.runs.front();
  const auto missing = first_missing(job, *phase, run.tasks.first);
  const std::string layer = job.layer_of(*phase).name;
  std::string needed = missing ? job.layer_of(job.phases[missing->phase]).name : layer;
  for (const auto& [owner, before] : reopened.runs) move_tasks(farm, *owner, before.tasks, before.state);
  return base::error_of(
      Refusal::RetryNeedsCancelled,
      needed == layer ? fmt::format("earlier tasks of layer {} are cancelled or failed, and these need them", layer)
                      : fmt::format("layer {} needs layer {}, which is cancelled or failed", layer, needed),
      "layer", "retry that, too, or the whole job");
}

// Ready tasks of the layers that a person gives another try at once.
std::uint32_t forgive(FarmState& farm, JobEntry& job, const std::string& layer) {
  std::uint32_t held = 0;
  for (std::uint32_t i = 0; i < job.record.spec->layers.size(); ++i) {
    if (!layer.empty() && job.record.spec->layers[i].name != layer) continue;
    if (!forgive_layer(farm, job, i)) continue;
    for (const PhaseEntry& phase : job.phases)
      if (phase.plan->layer == i) held += phase.tasks.count(TaskState::Ready);
  }
  return held;
}

base::Result<std::uint32_t> retry(FarmState& farm, JobEntry& job, const JobChangeRequested& asked) {
  const auto& layers = job.record.spec->layers;
  if (!asked.layer.empty() &&
      std::none_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == asked.layer; }))
    return unknown_layer(job.record.id, *job.record.spec, asked.layer);
  const bool was_final = job.final();
  const JobState before = job.record.state;
  if (was_final) farm.jobs.set_state(job, JobState::Queued);  // tasks of a final job are in no queue
  Reopened reopened;
  for (PhaseEntry& phase : job.phases)
    if (asked.layer.empty() || job.layer_of(phase).name == asked.layer)
      reopen_phase(farm, phase, asked.frames, reopened);
  const std::uint32_t held = was_final ? 0 : forgive(farm, job, asked.layer);
  if (reopened.tasks == 0) {
    if (held > 0) return held;
    if (was_final) farm.jobs.set_state(job, before);
    if (reopened.met_published)
      return base::error_of(Refusal::RetryPublished, "published tasks are not made again under the same version",
                            "frames", "submit a new version; or, where a file was lost or damaged, add --remake");
    return base::error_of(Refusal::RetryNothing, "no task there is failed, quarantined or cancelled", "",
                          "`framemill job N` shows the states of its tasks");
  }
  if (was_final && !is_alive(job)) {
    const base::Error error = close_again(farm, job, reopened);
    farm.jobs.set_state(job, before);
    return error;
  }
  for (const auto& [phase, run] : reopened.runs)
    for (auto trouble = phase->troubles.lower_bound(run.tasks.first);
         trouble != phase->troubles.end() && trouble->first < run.tasks.end();) {
      const TaskIndex task = trouble->first;
      ++trouble;
      forget_trouble(farm, *phase, task);
    }
  hold_sheets(farm, job);
  if (was_final) job.record.finished = {};
  enqueue(farm, job);
  watch_deadline(farm, job);
  touch_waiters(farm, job);
  for (PhaseEntry& phase : job.phases) farm.turn.touch(job, phase);
  return reopened.tasks + held;
}

base::Result<std::uint32_t> apply_verb(FarmState& farm, JobEntry& job, const JobChangeRequested& asked) {
  if (asked.verb == JobAction::Retry) return retry(farm, job, asked);
  if (job.final()) {
    if (asked.verb == JobAction::Cancel && job.record.state == JobState::Cancelled) return 0u;
    return is_final_error(job);
  }
  switch (asked.verb) {
    case JobAction::Cancel:
      return cancel(farm, job);
    case JobAction::Pause: {
      FM_TRY(place_hold(farm, job, {asked.hold, asked.cause, asked.until.value_or(base::WallTime{})}));
      const std::uint64_t leased = job.total(TaskState::Leased);
      stop_attempts(farm, job, jobs::RevokeReason::Paused);
      return static_cast<std::uint32_t>(leased);
    }
    case JobAction::Resume:
      lift_holds(farm, job, asked.hold);
      if (asked.waives_waits || jobs::is_wait(asked.hold)) waive_waits(farm, job);
      return 0u;
    case JobAction::SetPriority:
      if (!is_priority(asked.priority)) return priority_error();
      dequeue(farm, job);
      farm.set_priority(job, asked.priority);
      enqueue(farm, job);
      return 0u;
    case JobAction::SetDeadline:
      job.record.deadline = asked.deadline;
      watch_deadline(farm, job);
      return 0u;
    case JobAction::Retry:
      break;
  }
  return 0u;
}

constexpr std::string_view verb_name(JobAction verb) {
  switch (verb) {
    case JobAction::Cancel:
      return "cancel";
    case JobAction::Pause:
      return "pause";
    case JobAction::Resume:
      return "resume";
    case JobAction::SetPriority:
      return "priority";
    case JobAction::SetDeadline:
      return "deadline";
    case JobAction::Retry:
      return "retry";
  }
  return "change";
}

constexpr std::string_view verb_name(WorkerAction verb) {
  switch (verb) {
    case WorkerAction::Drain:
      return "drain";
    case WorkerAction::Undrain:
      return "undrain";
    case WorkerAction::Revoke:
      return "revoke";
    case WorkerAction::ClearQuarantine:
      return "clear_quarantine";
  }
  return "change";
}

}  // namespace

base::Result<Changed> change_job(FarmState& farm, const JobChangeRequested& asked) {
  JobEntry* job = farm.jobs.find(asked.job);
  if (job == nullptr)
    return base::error_of(Refusal::JobUnknown, fmt::format("job {} not found", asked.job.value), "job");
  if (asked.verb == JobAction::Retry && asked.remake) return start_remake(farm, *job, asked);
  FM_ASSIGN(const std::uint32_t tasks, apply_verb(farm, *job, asked));
  job->record.last_change = asked.cause;
  farm.turn.mark(*job);
  farm.turn.touch(*job);
  audit(farm, asked.cause, std::string(verb_name(asked.verb)), fmt::format("job {}", asked.job.value));
  return Changed{tasks};
}

base::Result<JobsChanged> change_jobs(FarmState& farm, const JobsChangeRequested& asked) {
  FM_CHECK(asked.jobs.size() <= kJobsPerChange && asked.verb != JobAction::Retry, "a change of several jobs");
  if (asked.verb == JobAction::SetPriority && !is_priority(asked.priority)) return priority_error();
  if (!asked.selected.empty())
    audit(farm, asked.cause, fmt::format("{}_selected", verb_name(asked.verb)), asked.selected);
  JobsChanged outcome;
  JobChangeRequested one;
  one.cause = asked.cause;
  one.verb = asked.verb;
  one.priority = asked.priority;
  one.until = asked.until;
  for (const JobId id : asked.jobs) {
    const JobEntry* job = farm.jobs.find(id);
    const bool wanted = job != nullptr && !job->final() && (!asked.only_in || job->record.state == *asked.only_in);
    one.job = id;
    ++(wanted && change_job(farm, one).ok() ? outcome.changed : outcome.skipped);
  }
  return outcome;
}

base::Result<Changed> change_worker(FarmState& farm, const WorkerChangeRequested& asked) {
  WorkerEntry* worker = farm.workers.find(asked.worker);
  if (worker == nullptr)
    return base::error_of(Refusal::WorkerUnknown, fmt::format("worker {} not found", asked.worker.value), "worker");
  if (worker->record.revoked && asked.verb != WorkerAction::Revoke)
    return base::error_of(Refusal::WorkerRevoked,
                          fmt::format("worker {} was revoked: its key is refused for good", worker->record.name),
                          "worker", "to bring the host back give it a new key (docs/keys.md)");
  auto what = WorkerEvent::What::DrainAsked;
  std::uint32_t taken_back = 0;
  switch (asked.verb) {
    case WorkerAction::Drain:
      cancel_planned_drain(farm, *worker);
      if (asked.at && *asked.at > farm.turn.now.wall && !worker->record.drain_requested)
        plan_drain(farm, *worker, *asked.at, asked.cause);
      else
        taken_back = begin_drain(farm, *worker);
      break;
    case WorkerAction::Undrain:
      cancel_planned_drain(farm, *worker);
      worker->record.drain_requested = false;
      worker->tasks_taken_back = 0;
      what = WorkerEvent::What::Undrained;
      break;
    case WorkerAction::Revoke: {
      cancel_planned_drain(farm, *worker);
      worker->record.revoked = true;
      const std::set<AttemptId> held = worker->leases;
      for (const AttemptId id : held) revoke_attempt(farm, id, jobs::RevokeReason::Cancelled);
      hand_over_duties(farm, *worker);
      what = WorkerEvent::What::Revoked;
      break;
    }
    case WorkerAction::ClearQuarantine:
      worker->record.quarantined = false;
      worker->record.blamed_jobs.clear();
      worker->probe_open = false;
      worker->probe = {};
      worker->probe_at = base::kNever;
      what = WorkerEvent::What::QuarantineCleared;
      break;
  }
  worker->record.last_change = asked.cause;
  farm.turn.mark(*worker);
  farm.on_worker_changed(*worker);
  farm.turn.say(WorkerEvent{what, asked.worker, asked.cause.reason});
  audit(farm, asked.cause, std::string(verb_name(asked.verb)), fmt::format("worker {}", asked.worker.value));
  return Changed{taken_back};
}

}  // namespace framemill::scheduler
