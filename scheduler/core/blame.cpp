#include "scheduler/core/blame.h"

#include <algorithm>
#include <set>

#include "scheduler/core/attempts.h"
#include "scheduler/core/task_moves.h"

namespace framemill::scheduler {
namespace {

using jobs::Outcome;

constexpr std::size_t kTailMax = 16 * 1024, kMessageMax = 1024;
constexpr std::uint32_t kDeathsPerWorkerMax = 2;  // times the limit, when the deaths are all on one of several workers

// The tasks that the outcome speaks of, among those that the attempt still owed.
std::vector<TaskIndex> tasks_spoken_of(const AttemptEnded& ended, const std::vector<TaskRange>& owed) {
  std::vector<TaskIndex> tasks;
  for (const TaskIndex task : ended.failed_tasks)
    for (const TaskRange& range : owed)
      if (range.contains(task)) tasks.push_back(task);
  std::sort(tasks.begin(), tasks.end());
  tasks.erase(std::unique(tasks.begin(), tasks.end()), tasks.end());
  if (tasks.empty() && ended.failed_tasks.empty() && !owed.empty()) tasks.push_back(owed.front().first);
  return tasks;
}

void give_up(FarmState& farm, PhaseEntry& phase, TaskIndex task, TaskState state) {
  move_tasks(farm, phase, {task, 1}, state);
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
}

// Tasks that may have been at work when the executor died: those spoken of, and as many of the lease's as ran at once.
std::vector<TaskIndex> tasks_aboard(std::vector<TaskIndex> spoken_of, const std::vector<TaskRange>& owed,
                                    std::uint32_t windows) {
  for (const TaskRange& range : owed)
    for (TaskIndex task = range.first; task < range.end() && windows > 0; ++task, --windows) spoken_of.push_back(task);
  std::sort(spoken_of.begin(), spoken_of.end());
  spoken_of.erase(std::unique(spoken_of.begin(), spoken_of.end()), spoken_of.end());
  return spoken_of;
}

void back_off(FarmState& farm, PhaseEntry& phase, TaskIndex task, Trouble& trouble) {
  const std::uint32_t doublings = std::min(trouble.record.uncharged_returns, 20u);
  ++trouble.record.uncharged_returns;
  const base::Duration pause =
      std::min(farm.settings.back_off_first * (std::int64_t{1} << doublings), farm.settings.back_off_most);
  hold_until(farm, phase, task, farm.now() + pause);
}

// Dead executors are evidence against a task that was alone with one, when several workers have seen it.
bool is_convicted(const FarmState& farm, const Trouble& trouble) {
  const auto& deaths = trouble.record.lone_deaths;
  const std::uint32_t most = farm.settings.lone_deaths_max;
  if (deaths.size() < most) return false;
  const std::set<WorkerId> distinct(deaths.begin(), deaths.end());
  const auto able =
      static_cast<std::size_t>(std::count_if(farm.workers.all().begin(), farm.workers.all().end(),
                                             [](const auto& worker) { return worker.second.takes_grants(); }));
  const std::size_t wanted = std::min<std::size_t>(most, std::max<std::size_t>(able, 1));
  return distinct.size() >= std::min<std::size_t>(wanted, most) ||
         deaths.size() >= std::size_t{most} * kDeathsPerWorkerMax;
}

void charge(FarmState& farm, PhaseEntry& phase, TaskIndex task, Trouble& trouble) {
  ++trouble.record.charged_tries;
  ++phase.tally.tries_charged;
  farm.turn.mark(phase);
  if (trouble.record.charged_tries >= farm.job_of(phase.id).layer_of(phase).retries)
    give_up(farm, phase, task, TaskState::Failed);
}

void count_death(FarmState& farm, PhaseEntry& phase, TaskIndex task, Trouble& trouble, WorkerId worker, bool alone) {
  run_alone(farm, phase, task);
  if (!alone) return;
  trouble.record.lone_deaths.push_back(worker);
  if (is_convicted(farm, trouble)) give_up(farm, phase, task, TaskState::Quarantined);
}

// Distinct jobs failing in a row on one worker speak against the worker.
void blame_worker(FarmState& farm, WorkerEntry& worker, JobId job) {
  auto& blamed = worker.record.blamed_jobs;
  if (std::find(blamed.begin(), blamed.end(), job) != blamed.end()) return;
  blamed.push_back(job);
  farm.turn.mark(worker);
  if (blamed.size() < farm.settings.worker_blame_max || worker.record.quarantined) return;
  worker.record.quarantined = true;
  farm.on_worker_changed();
  worker.record.last_change = {"scheduler", farm.turn.now.wall,
                               std::to_string(blamed.size()) + " distinct jobs failed there in a row"};
  farm.turn.say({"worker", {}, 0, worker.record.id, "WorkerQuarantined", worker.record.last_change.reason});
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
    farm.on_worker_changed();
}

}  // namespace

void on_attempt_ended(FarmState& farm, WorkerEntry& worker, const AttemptEnded& ended) {
  Lease* lease = farm.leases.find(ended.attempt);
  if (lease == nullptr || lease->record.worker != worker.record.id) return;  // a repeat, or it was ended here before
  PhaseEntry& phase = *farm.jobs.find(lease->record.phase);
  JobEntry& job = farm.job_of(phase.id);
  const std::uint32_t slot_index = lease->record.slot;
  const std::uint32_t windows = lease->chain ? 0 : lease->windows;
  learn_memory(farm, worker, *lease, ended);
  if (!ended.device_class.empty()) lease->record.device_class = ended.device_class;

  Ending ending{ended.outcome, ended.code, ended.message.substr(0, kMessageMax), ended.usage,
                ended.output_tail.substr(0, kTailMax)};
  const std::vector<TaskRange> owed = end_attempt(farm, ended.attempt, std::move(ending));
  const jobs::OutcomeRow& row = jobs::outcome_row(ended.outcome);
  if (ended.outcome == Outcome::Oom)
    if (const auto slot = worker.slots.find(slot_index); slot != worker.slots.end())
      slot->second.batch_cap = std::max(std::min(slot->second.batch_cap, std::max(ended.usage.batch_max, 2u)) / 2, 1u);
  if (owed.empty() || ended.outcome == Outcome::Revoked || ended.outcome == Outcome::WorkerLost) return;

  std::vector<TaskIndex> spoken_of = tasks_spoken_of(ended, owed);
  if (row.evidence) spoken_of = tasks_aboard(std::move(spoken_of), owed, windows);
  const bool lone = ended.alone && spoken_of.size() == 1;
  for (const TaskIndex task : spoken_of) {
    Trouble& trouble = trouble_of(farm, phase, task);
    trouble.record.last_outcome = ended.outcome;
    trouble.record.last_code = ended.code.empty() ? std::string(row.code) : ended.code;
    trouble.record.last_message = ended.message.substr(0, kMessageMax);
    trouble.record.last_attempt = ended.attempt;
    trouble.record.last_frame = frame_of(phase, task, ended);
    if (row.charged)
      charge(farm, phase, task, trouble);
    else if (row.evidence)
      count_death(farm, phase, task, trouble, worker.record.id, lone);
    else
      back_off(farm, phase, task, trouble);
  }
  if (row.charged || (row.evidence && lone)) blame_worker(farm, worker, job.record.id);
}

}  // namespace framemill::scheduler
