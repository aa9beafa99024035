#include "scheduler/core/acts/attempts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "scheduler/core/acts/odd_frames.h"
#include "scheduler/core/acts/publish_orders.h"
#include "scheduler/core/acts/remakes.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/policy/planned_files.h"
#include "scheduler/core/policy/remake_contents.h"

namespace framemill::scheduler {
namespace {

using jobs::Outcome;

TaskRange overlap(TaskRange a, TaskRange b) {
  const TaskIndex first = std::max(a.first, b.first), end = std::min(a.end(), b.end());
  return first < end ? TaskRange{first, end - first} : TaskRange{first, 0};
}

// Live attempts of the phase that hold any of the tasks, but not `self`.
std::vector<AttemptId> others_holding(const FarmState& farm, const PhaseEntry& phase, TaskRange tasks, AttemptId self) {
  std::vector<AttemptId> others;
  if (phase.expired_leases == 0) return others;  // without an expiry no two attempts hold one task
  const TaskIndex from = tasks.first > phase.chunk_longest ? tasks.first - phase.chunk_longest : 0;
  for (auto it = phase.attempts.lower_bound({from, AttemptId{}}); it != phase.attempts.end() && it->first < tasks.end();
       ++it)
    if (it->second != self && !overlap(farm.leases.get(it->second).record.tasks, tasks).empty())
      others.push_back(it->second);
  return others;
}

bool is_leased_by_another(const FarmState& farm, const PhaseEntry& phase, TaskIndex task, AttemptId self) {
  for (const AttemptId other : others_holding(farm, phase, {task, 1}, self))
    if (!farm.leases.get(other).expired) return true;
  return false;
}

// Those of the tasks that the attempt alone leased go back; those that it still owed are returned.
std::vector<TaskRange> release_tasks(FarmState& farm, PhaseEntry& phase, const Lease& lease, TaskRange tasks) {
  std::vector<TaskRange> owed;
  for (const StateRun& run : phase.tasks.runs(tasks)) {
    const bool leased = run.state == TaskState::Leased;
    if (!leased && run.state != TaskState::Ready && run.state != TaskState::Waiting) continue;
    if (phase.expired_leases == 0) {
      owed.push_back(run.tasks);
      continue;
    }
    for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t) {
      if (leased && is_leased_by_another(farm, phase, t, lease.record.id)) continue;
      if (!owed.empty() && owed.back().end() == t)
        ++owed.back().count;
      else
        owed.push_back({t, 1});
    }
  }
  for (const TaskRange& range : owed) return_tasks(farm, phase, range);
  return owed;
}

void count_in_tally(PhaseTally& tally, const Lease& lease, const Ending& ending, bool owes) {
  tally.model_loads += ending.usage.model_loads;
  tally.device_us += ending.usage.device_us();
  if (ending.outcome == Outcome::Ok || ending.outcome == Outcome::Revoked) return;
  // What it had begun is begun again; an attempt that was refused at the door had begun nothing.
  if (owes && ending.outcome != Outcome::NotAdmitted && ending.outcome != Outcome::InputNotVisible &&
      (ending.usage.steps > 0 || lease.activity.step > 0))
    ++tally.windows_run_twice;
}

void say_attempt(FarmState& farm, const Lease& lease, AttemptEvent::What what, std::string detail,
                 std::optional<Outcome> outcome = std::nullopt) {
  AttemptEvent event;
  event.what = what;
  event.job = lease.record.phase.job;
  event.layer = farm.jobs.get(lease.record.phase).plan->layer;
  event.worker = lease.record.worker;
  event.detail = std::move(detail);
  event.outcome = outcome;
  farm.turn.say(std::move(event));
}

std::string range_text(TaskRange tasks) {
  if (tasks.count == 1) return fmt::format("task {}", tasks.first);
  return fmt::format("tasks {}-{}", tasks.first, tasks.end() - 1);
}

// Made again, and not what is on record: nothing is committed, and its files are swept with the attempt, which held
// this task alone.
void end_with_other_contents(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt) {
  const std::string message = other_contents_text(farm.job_of(phase.id), phase, task);
  move_tasks(farm, phase, {task, 1}, TaskState::Failed);
  FailureHistory& trouble = failure_history_of(farm, phase, task);
  trouble.record.last_outcome = Outcome::BadOutput;
  trouble.record.last_code = kRemakeDiffers;
  trouble.record.last_message = message;
  trouble.record.last_attempt = attempt;
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
  Ending ending;
  ending.outcome = Outcome::BadOutput;
  ending.code = kRemakeDiffers;
  ending.message = message;
  farm.turn.effects.revokes.push_back(
      {farm.leases.get(attempt).record.worker, attempt, jobs::RevokeReason::Unknown, {}});
  end_attempt(farm, attempt, std::move(ending));
}

}  // namespace

void grant_attempt(FarmState& farm, PhaseEntry& phase, TaskRange tasks, const Demand& demand, WorkerEntry& worker,
                   std::uint32_t slot, std::uint32_t capacity) {
  JobEntry& job = farm.job_of(phase.id);
  FM_CHECK(!farm.is_in_the_way(demand, job.share, {worker.record.id, slot}), "a grant beyond a limit or a cap");
  const jobs::LayerSpec& layer = job.layer_of(phase);
  Lease lease;
  lease.record.id = {farm.settings.epoch, ++farm.attempts_made};
  lease.record.phase = phase.id;
  lease.record.tasks = tasks;
  lease.record.worker = worker.record.id;
  lease.record.slot = slot;
  lease.record.slot_name = worker.slots.at(slot).state.name;
  lease.record.device_class = worker.device_class_of(slot);
  if (const DeviceState* device = worker.device_of(worker.slots.at(slot))) lease.record.devices = {device->id};
  lease.record.granted = farm.turn.now.wall;
  lease.demand = demand;

  GrantLease grant;
  grant.worker = worker.record.id;
  grant.attempt = lease.record.id;
  grant.phase = phase.id;
  grant.tasks = tasks;
  grant.slot = slot;
  grant.lease_ttl = farm.settings.lease_ttl;
  grant.timeout = layer.timeout.value_or(base::Duration{});
  grant.batch_max = demand.exclusive ? 1 : std::max(std::min(demand.batch_max, capacity), 1u);

  if (demand.runner == Runner::Executor && phase.device_class.empty() && !lease.record.device_class.empty())
    pin_device_class(farm, job, phase, lease.record.device_class);
  move_tasks(farm, phase, tasks, TaskState::Leased);
  ++phase.tally.attempts;
  farm.turn.mark(phase);
  Lease& kept = farm.attach(job, phase, worker, std::move(lease), capacity);
  farm.turn.mark(kept);
  if (const DeviceState* device = worker.device_of(worker.slots.at(slot)))
    grant.booking_bytes = jobs::batch_bytes(farm.memory.row(demand.model_digest, demand.cpu_memory, demand.cuda_memory,
                                                            demand.device_memory_bytes, *device),
                                            kept.windows);
  show_later(farm, worker);
  note_granted(farm, job, phase.plan->layer, worker, kept.record.id);
  say_attempt(farm, kept, AttemptEvent::What::Granted,
              fmt::format("{} to {}/{}", range_text(tasks), worker.record.name, kept.record.slot_name));
  farm.turn.effects.grants.push_back(std::move(grant));
}

CommitAnswer commit_task(FarmState& farm, WorkerEntry& worker, TaskFinished finished) {
  PhaseEntry* phase = farm.jobs.find(finished.phase);
  if (phase == nullptr || finished.task >= phase->tasks.size()) return CommitAnswer::Refused;
  const TaskState state = phase->tasks.at(finished.task);
  const bool committed = state == TaskState::Committed || state == TaskState::Published;
  Lease* lease = farm.leases.find(finished.attempt);
  // A committed task's files may lie in the directory of this very attempt, which ended since: say nothing that makes
  // the worker sweep it. Unless the job is done and swept: then all have their names, and nothing is needed.
  if (lease == nullptr || lease->record.worker != worker.record.id || lease->record.phase != finished.phase)
    return committed && !farm.job_of(finished.phase).record.swept ? CommitAnswer::Repeated : CommitAnswer::Refused;
  // Made before the worker had heard that the task was taken back. Others make it, so it is not accepted, even where
  // nobody has begun: after a restart nothing would tell whether the attempt ever held it.
  if (!lease->record.tasks.contains(finished.task)) return committed ? CommitAnswer::Repeated : CommitAnswer::NotHeld;
  // The first accepted commit of a task ends the others that hold it, so this one committed it before.
  if (committed) return CommitAnswer::Repeated;
  if (state != TaskState::Leased && state != TaskState::Ready && state != TaskState::Waiting)
    return CommitAnswer::Refused;

  if (unplanned_file(*phase->plan, phase->id, finished.task, finished.files) != nullptr) return CommitAnswer::Unplanned;

  JobEntry& job = farm.job_of(phase->id);
  if (lease->record.device_class.empty()) lease->record.device_class = worker.device_class_of(lease->record.slot);
  if (lease->demand.runner == Runner::Executor && !lease->record.device_class.empty()) {
    if (phase->device_class.empty()) pin_device_class(farm, job, *phase, lease->record.device_class);
    // Granted before either executor had said its class: pixels of two classes are never mixed (promise P4).
    if (phase->device_class != lease->record.device_class) return CommitAnswer::Refused;
  }
  if (job.record.remake_of && !may_take_place(farm, job, *phase, finished.task, finished.files)) {
    end_with_other_contents(farm, *phase, finished.task, finished.attempt);
    return CommitAnswer::Accepted;
  }

  move_tasks(farm, *phase, {finished.task, 1}, TaskState::Committed);
  const std::uint32_t parallel_before = lease->parallel();
  --lease->left;
  farm.load_changed(worker, *lease, parallel_before);
  ++lease->record.tasks_committed;
  lease->record.files_written += finished.files.size();
  lease->record.files_read += finished.reads.size();
  farm.turn.mark(*lease);
  farm.match_wanted = true;
  note_committed(farm, job, *phase, finished.task, worker, finished.attempt);
  phase->last_worker = worker.record.id;
  farm.pace.measured(phase->pace, lease->record.device_class, worker.record.id, finished.duration_us);

  note_odd_frames(farm, *phase, finished.odd);

  CommitRecord record;
  record.phase = finished.phase;
  record.task = finished.task;
  record.attempt = finished.attempt;
  record.worker = worker.record.id;
  record.root = phase->plan->root;
  record.device_class = lease->record.device_class;
  record.time = farm.turn.now.wall;
  record.duration_us = finished.duration_us;
  record.files = std::move(finished.files);
  record.reads = std::move(finished.reads);
  farm.turn.put(std::move(record));

  for (const AttemptId other : others_holding(farm, *phase, {finished.task, 1}, finished.attempt))
    revoke_attempt(farm, other, jobs::RevokeReason::CommittedByOther);
  order_publish(farm, *phase, finished.task, finished.attempt, worker.record.id);
  return CommitAnswer::Accepted;
}

std::vector<TaskRange> end_attempt(FarmState& farm, AttemptId id, Ending ending) {
  Lease& lease = farm.leases.get(id);
  PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  JobEntry& job = farm.job_of(phase.id);
  WorkerEntry& worker = farm.workers.get(lease.record.worker);

  std::vector<TaskRange> owed = release_tasks(farm, phase, lease, lease.record.tasks);
  // Its worker has not said what it cost (it was revoked, or its worker is gone): what was told last counts.
  if (ending.usage == UsageTotals{}) ending.usage = lease.activity.usage;
  count_in_tally(phase.tally, lease, ending, !owed.empty());
  farm.turn.mark(phase);
  say_attempt(farm, lease, AttemptEvent::What::Ended,
              fmt::format("{}: {}{}", range_text(lease.record.tasks), jobs::outcome_row(ending.outcome).code,
                          ending.message.empty() ? "" : ", " + ending.message),
              ending.outcome);

  AttemptRecord record = farm.detach(job, phase, worker, lease, ending.usage);
  note_ended(farm, job, phase.plan->layer, worker, id);
  record.live = false;
  record.ended = farm.turn.now.wall;
  record.outcome = ending.outcome;
  record.code = std::move(ending.code);
  record.message = std::move(ending.message);
  record.usage = std::move(ending.usage);
  record.output_tail = std::move(ending.output_tail);
  farm.turn.put(std::move(record));
  farm.turn.touch(job, phase);
  farm.match_wanted = true;
  return owed;
}

void revoke_attempt(FarmState& farm, AttemptId id, jobs::RevokeReason reason) {
  const Lease& lease = farm.leases.get(id);
  farm.turn.effects.revokes.push_back({lease.record.worker, id, reason, {}});
  Ending ending;
  ending.outcome = Outcome::Revoked;
  ending.code = std::string(jobs::revoke_row(reason).code);
  end_attempt(farm, id, std::move(ending));
}

void take_back_tail(FarmState& farm, AttemptId id, TaskRange keep) {
  Lease& lease = farm.leases.get(id);
  PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  WorkerEntry& worker = farm.workers.get(lease.record.worker);
  const TaskRange held = lease.record.tasks;
  FM_CHECK(!keep.empty() && keep.first == held.first && keep.count < held.count,
           "what an attempt keeps is the first part of what it holds");
  const TaskRange tail{keep.end(), held.end() - keep.end()};
  FM_CHECK(tail.count <= lease.left, "a committed task is not taken back");
  release_tasks(farm, phase, lease, tail);
  const std::uint32_t parallel_before = lease.parallel();
  lease.record.tasks = keep;
  lease.left -= tail.count;
  farm.load_changed(worker, lease, parallel_before);
  farm.recharge(phase, lease);
  farm.turn.mark(lease);
  farm.turn.touch(farm.job_of(phase.id), phase);
  farm.match_wanted = true;
  say_attempt(farm, lease, AttemptEvent::What::TasksTakenBack,
              fmt::format("{} from {}/{}", range_text(tail), worker.record.name, lease.record.slot_name));
  farm.turn.effects.revokes.push_back({lease.record.worker, id, jobs::RevokeReason::TakenBack, keep});
}

void expire_leases(FarmState& farm) {
  while (Lease* lease = farm.leases.next_due(farm.now())) {
    PhaseEntry& phase = farm.jobs.get(lease->record.phase);
    farm.expire(phase, *lease);
    for (const StateRun& run : phase.tasks.runs(lease->record.tasks)) {
      if (run.state != TaskState::Leased) continue;
      for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t)
        if (!is_leased_by_another(farm, phase, t, lease->record.id)) return_tasks(farm, phase, {t, 1});
    }
    say_attempt(farm, *lease, AttemptEvent::What::LeaseExpired,
                range_text(lease->record.tasks) + " may be granted again");
  }
}

void renew_lease(FarmState& farm, Lease& lease) {
  const base::Instant deadline = farm.now() + farm.settings.lease_ttl;
  if (!lease.expired) {
    lease.named_at = farm.now();
    return farm.leases.renew(lease, deadline);
  }
  // What it used of a limit or a cap has gone to others meanwhile.
  if (farm.is_in_the_way(lease.demand, lease.share, {lease.record.worker, lease.record.slot}))
    return revoke_attempt(farm, lease.record.id, jobs::RevokeReason::Expired);
  lease.named_at = farm.now();
  farm.revive(lease, deadline);
  PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  for (const StateRun& run : phase.tasks.runs(lease.record.tasks))
    if (run.state == TaskState::Ready || run.state == TaskState::Waiting)
      move_tasks(farm, phase, run.tasks, TaskState::Leased);
}

}  // namespace framemill::scheduler
