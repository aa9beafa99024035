#include "scheduler/core/acts/blame.h"

#include <algorithm>
#include <set>

#include "jobs/attempt_error.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/file_watching.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/failure_text.h"

namespace framemill::scheduler {
namespace {

using jobs::Outcome;

constexpr std::size_t kTailMax = 16 * 1024, kMessageMax = 1024;
constexpr std::uint32_t kDeathsPerWorkerMax = 2;  // times the limit, when the deaths are all on one of several workers

// Where an attempt ended badly, and what it had not finished.
struct BadEnd {
  FarmState& farm;
  JobEntry& job;
  PhaseEntry& phase;
  WorkerEntry& worker;
  const AttemptEnded& ended;
  const jobs::OutcomeRow& row;
  std::vector<TaskRange> owed;
  base::Instant granted_at;
  bool chain = false, generate = false;
  bool made_nothing = false;  // not one of its tasks was committed
  std::uint32_t windows = 0;

  std::string code() const { return ended.code.empty() ? std::string(row.code) : ended.code; }
  std::string message() const { return ended.message.substr(0, kMessageMax); }
};

bool is_owed(const std::vector<TaskRange>& owed, TaskIndex task) {
  return std::any_of(owed.begin(), owed.end(), [&](const TaskRange& range) { return range.contains(task); });
}

// The tasks that the end names, by themselves or by a frame of theirs, among those that the attempt still owed.
std::vector<TaskIndex> tasks_named(const BadEnd& end) {
  std::vector<TaskIndex> tasks;
  for (const TaskIndex task : end.ended.failed_tasks)
    if (is_owed(end.owed, task)) tasks.push_back(task);
  if (end.ended.failed_tasks.empty() && end.ended.frame && !end.phase.plan->traits().intermediate) {
    const TaskRange named = jobs::tasks_of_frames(*end.phase.plan, *end.ended.frame, *end.ended.frame);
    if (named.count == 1 && is_owed(end.owed, named.first)) tasks.push_back(named.first);
  }
  std::sort(tasks.begin(), tasks.end());
  tasks.erase(std::unique(tasks.begin(), tasks.end()), tasks.end());
  return tasks;
}

// Those, or where none is named the one that was at work: the first of a chain, the only one of a lease.
std::vector<TaskIndex> reported_tasks(const BadEnd& end) {
  std::vector<TaskIndex> tasks = tasks_named(end);
  const bool sure = end.chain || (end.owed.size() == 1 && end.owed.front().count == 1);
  if (tasks.empty() && end.ended.failed_tasks.empty() && sure) tasks.push_back(end.owed.front().first);
  return tasks;
}

void give_up(FarmState& farm, PhaseEntry& phase, TaskIndex task, TaskState state) {
  move_tasks(farm, phase, {task, 1}, state);
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
}

// Tasks that may have been at work when the executor died: those spoken of, and as many of the lease's as ran at once.
std::vector<TaskIndex> in_flight_tasks(std::vector<TaskIndex> spoken_of, const std::vector<TaskRange>& owed,
                                       std::uint32_t windows) {
  for (const TaskRange& range : owed)
    for (TaskIndex task = range.first; task < range.end() && windows > 0; ++task, --windows) spoken_of.push_back(task);
  std::sort(spoken_of.begin(), spoken_of.end());
  spoken_of.erase(std::unique(spoken_of.begin(), spoken_of.end()), spoken_of.end());
  return spoken_of;
}

// Dead executors are evidence against a task that was alone with one, when several workers have seen it.
bool should_quarantine(const FarmState& farm, const FailureHistory& trouble) {
  const auto& deaths = trouble.record.isolated_crashes;
  const std::uint32_t most = farm.settings.isolated_crashes_max;
  if (deaths.size() < most) return false;
  const std::set<WorkerId> distinct(deaths.begin(), deaths.end());
  const auto able =
      static_cast<std::size_t>(std::count_if(farm.workers.all().begin(), farm.workers.all().end(),
                                             [](const auto& worker) { return worker.second.takes_grants(); }));
  const std::size_t wanted = std::min<std::size_t>(most, std::max<std::size_t>(able, 1));
  return distinct.size() >= std::min<std::size_t>(wanted, most) ||
         deaths.size() >= std::size_t{most} * kDeathsPerWorkerMax;
}

// The frame that the attempt names, where it is one of the task's own.
std::optional<jobs::Frame> frame_of(const PhaseEntry& phase, TaskIndex task, const AttemptEnded& ended) {
  if (!ended.frame || phase.frames_of(task).within(*ended.frame, *ended.frame).empty()) return std::nullopt;
  return ended.frame;
}

void learn_memory(FarmState& farm, const WorkerEntry& worker, const Lease& lease, const AttemptEnded& ended) {
  const auto slot = worker.slots.find(lease.record.slot);
  if (slot == worker.slots.end()) return;
  const DeviceState* device = worker.device_of(slot->second);
  if (device == nullptr) return;
  if (farm.memory.measured(lease.demand, *device, ended.usage.batch_max, ended.usage.peak_bytes))
    farm.on_memory_learned(lease.demand.model_digest);
}

void remember(const BadEnd& end, TaskIndex task) {
  FailureHistory& trouble = failure_history_of(end.farm, end.phase, task);
  trouble.record.last_outcome = end.ended.outcome;
  trouble.record.last_code = end.code();
  trouble.record.last_message = end.message();
  trouble.record.last_attempt = end.ended.attempt;
  trouble.record.last_frame = frame_of(end.phase, task, end.ended);
}

// Nothing tells which task of the lease it was: each is tried by itself, and what fails then is charged.
void split(const BadEnd& end) {
  for (const TaskRange& range : end.owed)
    for (TaskIndex task = range.first; task < range.end(); ++task) {
      remember(end, task);
      run_single(end.farm, end.phase, task);
    }
}

void give_back(const BadEnd& end) {
  note_returned(end.farm, end.job, end.phase.plan->layer, end.worker, end.granted_at, end.code(), end.message(), true);
}

// Some other worker could take the task and has not shown yet that it ends the same way there.
bool may_succeed_elsewhere(const BadEnd& end) {
  const std::uint32_t layer = end.phase.plan->layer;
  const auto& able = able_workers(end.farm, end.phase.common_class);
  const std::vector<WorkerId> judges = judges_among(end.farm, end.job, layer, able);
  return std::any_of(judges.begin(), judges.end(), [&](WorkerId id) {
    const HostStanding* standing = standing_of(end.job, layer, id);
    return id != end.worker.record.id && (standing == nullptr || !standing->has_failed || standing->code != end.code());
  });
}

void charge(const BadEnd& end, TaskIndex task) {
  const bool once = jobs::is_tried_once(end.code());  // the files it reads decide: it speaks against no worker
  const bool host_too = jobs::depends_on_worker(end.code());
  if ((!once || host_too) &&
      !note_failed(end.farm, end.job, end.phase, task, end.worker, end.granted_at, end.code(), end.message())) {
    ++failure_history_of(end.farm, end.phase, task).record.uncharged_returns;
    return;
  }
  TaskTroubleRecord& record = failure_history_of(end.farm, end.phase, task).record;
  if (record.failed_on.size() < kFailedOnMax) record.failed_on.push_back(end.worker.record.id);
  ++record.charged_tries;
  ++end.phase.tally.tries_charged;
  end.farm.turn.mark(end.phase);
  sort_trouble(end.farm, end.phase, task);
  const bool last = once && !(host_too && may_succeed_elsewhere(end));
  if (last || record.charged_tries >= end.job.layer_of(end.phase).retries)
    give_up(end.farm, end.phase, task, TaskState::Failed);
}

void on_work_failed(const BadEnd& end) {
  const std::vector<TaskIndex> tasks = reported_tasks(end);
  if (tasks.empty()) {
    split(end);
    // Whichever task it was, it failed here: a worker on which every chunk comes to nothing must not get them all.
    if (end.made_nothing && end.ended.failed_tasks.empty())
      note_failed(end.farm, end.job, end.phase, end.owed.front().first, end.worker, end.granted_at, end.code(),
                  end.message());
    // It names tasks that it does not owe: nobody is charged, and it must not go on like that.
    if (!end.ended.failed_tasks.empty()) give_back(end);
    return;
  }
  for (const TaskIndex task : tasks) {
    remember(end, task);
    charge(end, task);
  }
}

void count_death(const BadEnd& end, TaskIndex task, bool lone) {
  const bool again = failure_history_of(end.farm, end.phase, task).record.isolate;
  isolate(end.farm, end.phase, task);
  if (!lone) {
    // It was to run alone and did not: the worker's doing.
    if (again) give_back(end);
    return;
  }
  if (!note_failed(end.farm, end.job, end.phase, task, end.worker, end.granted_at, end.code(), end.message())) return;
  FailureHistory& trouble = failure_history_of(end.farm, end.phase, task);
  trouble.record.isolated_crashes.push_back(end.worker.record.id);
  if (should_quarantine(end.farm, trouble)) give_up(end.farm, end.phase, task, TaskState::Quarantined);
}

void on_executor_died(const BadEnd& end) {
  std::vector<TaskIndex> in_flight = reported_tasks(end);
  if (in_flight.empty() && end.ended.failed_tasks.empty()) in_flight.push_back(end.owed.front().first);
  in_flight = in_flight_tasks(std::move(in_flight), end.owed, end.windows);
  if (in_flight.empty()) return give_back(end);
  const bool lone = end.ended.alone && in_flight.size() == 1;
  for (const TaskIndex task : in_flight) {
    remember(end, task);
    count_death(end, task, lone);
  }
}

// Given back, through no fault of the work.
void on_returned(const BadEnd& end) {
  FarmState& farm = end.farm;
  std::vector<TaskIndex> tasks = tasks_named(end);
  if (tasks.empty() && end.ended.failed_tasks.empty()) tasks.push_back(end.owed.front().first);
  for (const TaskIndex task : tasks) {
    remember(end, task);
    ++failure_history_of(farm, end.phase, task).record.uncharged_returns;
    if (end.ended.outcome == Outcome::InputNotVisible)
      note_unseen(farm, end.job, end.phase, task, end.worker, end.code(), end.message());
    if (end.ended.outcome == Outcome::InputNotVisible) forget_files(farm, end.phase, task);
  }
  if (end.ended.outcome == Outcome::InputNotVisible) return;
  // What does not fit together may fit one by one.
  if (end.ended.outcome == Outcome::Oom && !end.generate && !end.chain &&
      (end.owed.size() > 1 || end.owed.front().count > 1))
    split(end);
  give_back(end);
  if (end.ended.outcome == Outcome::Hardware)
    blame_worker(farm, end.worker, end.job.record.id, failure_text(end.code(), end.message()));
}

}  // namespace

void on_attempt_lost(FarmState& farm, AttemptId id, const std::string& message, jobs::AttemptError error) {
  const Lease& lease = farm.leases.get(id);
  PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  WorkerEntry& worker = farm.workers.get(lease.record.worker);
  const base::Instant granted_at = lease.granted_at;
  const bool done = lease.left == 0;
  Ending ending;
  ending.outcome = done ? Outcome::Ok : Outcome::WorkerLost;
  ending.code = done ? "ok" : text_of(error);
  if (!done) ending.message = message;
  if (end_attempt(farm, id, std::move(ending)).empty()) return;
  JobEntry& job = farm.job_of(phase.id);
  note_returned(farm, job, phase.plan->layer, worker, granted_at, std::string(text_of(error)), message,
                error != jobs::AttemptError::WorkerLost);
  unpin_unmade(farm, job, phase);
}

void on_grant_lost(FarmState& farm, AttemptId id, jobs::AttemptError error, const std::string& message) {
  PhaseEntry& phase = farm.jobs.get(farm.leases.get(id).record.phase);
  Ending ending;
  ending.outcome = jobs::attempt_error_row(error).outcome;
  ending.code = text_of(error);
  ending.message = message;
  end_attempt(farm, id, std::move(ending));
  unpin_unmade(farm, farm.job_of(phase.id), phase);
}

void on_attempt_ended(FarmState& farm, WorkerEntry& worker, const AttemptEnded& ended) {
  Lease* lease = farm.leases.find(ended.attempt);
  if (lease == nullptr || lease->record.worker != worker.record.id) return;  // a repeat, or it was ended here before
  PhaseEntry& phase = farm.jobs.get(lease->record.phase);
  JobEntry& job = farm.job_of(phase.id);
  const std::uint32_t slot_index = lease->record.slot;
  BadEnd end{farm, job, phase, worker, ended, jobs::outcome_row(ended.outcome), {}, lease->granted_at};
  end.chain = lease->chain;
  end.made_nothing = lease->record.tasks_committed == 0;
  end.generate = lease->demand.runner == Runner::Executor;
  end.windows = lease->chain ? 0 : lease->windows;
  learn_memory(farm, worker, *lease, ended);
  if (ended.usage.model_loads > 0) farm.pace.loaded(phase.pace, ended.usage.load_us / ended.usage.model_loads);
  if (!ended.device_class.empty()) lease->record.device_class = ended.device_class;

  Ending ending{ended.outcome, ended.code, ended.message.substr(0, kMessageMax), ended.usage,
                ended.output_tail.substr(0, kTailMax)};
  end.owed = end_attempt(farm, ended.attempt, std::move(ending));
  // A command's memory says nothing about batches.
  if (const auto slot = worker.slots.find(slot_index); end.generate && slot != worker.slots.end()) {
    if (ended.outcome == Outcome::Oom) slot->second.batch_cap.ran_out(ended.usage.batch_max);
    if (ended.outcome == Outcome::Ok) slot->second.batch_cap.went_well(ended.usage.batch_max);
  }
  if (end.owed.empty() || ended.outcome == Outcome::Revoked || job.final()) return;
  if (ended.outcome == Outcome::WorkerLost)
    note_returned(farm, job, phase.plan->layer, worker, end.granted_at, end.code(), end.message(), false);
  else if (end.row.charged)
    on_work_failed(end);
  else if (end.row.evidence)
    on_executor_died(end);
  else
    on_returned(end);
  unpin_unmade(farm, job, phase);
}

}  // namespace framemill::scheduler
