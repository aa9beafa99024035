#include "scheduler/core/acts/remakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/share_records.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/remake_contents.h"
#include "scheduler/core/policy/remake_tasks.h"
#include "scheduler/core/policy/room_for_job.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

using Parts = std::vector<std::set<TaskIndex>>;  // by phase

// The tasks that a remake works at: those that are remade, and the intermediate ones below them.
Parts parts_of(const JobEntry& remake) {
  Parts parts(remake.phases.size());
  std::vector<std::pair<jobs::PhaseIndex, TaskIndex>> open;
  for (const auto& [key, remade] : remake.remade) {
    parts[key.first].insert(key.second);
    open.push_back(key);
  }
  while (!open.empty()) {
    const auto [index, task] = open.back();
    open.pop_back();
    const PhaseEntry& phase = remake.phases[index];
    for (const jobs::Need& need : phase.plan->needs) {
      const PhaseEntry& needed = remake.phases[need.phase];
      if (!needed.plan->traits().intermediate) continue;
      const TaskRange tasks = jobs::tasks_needed(need, *phase.plan, task, *needed.plan);
      for (TaskIndex t = tasks.first; t < tasks.end(); ++t)
        if (parts[need.phase].insert(t).second) open.emplace_back(need.phase, t);
    }
  }
  return parts;
}

void take_as_published(JobEntry& job, PhaseEntry& phase, TaskRange tasks) {
  if (tasks.empty()) return;
  job.set_tasks(phase, tasks, TaskState::Published, [](const StateRun&) {});
  phase.taken += tasks.count;
}

void take_the_rest(JobEntry& job) {
  const Parts parts = parts_of(job);
  for (PhaseEntry& phase : job.phases) {
    TaskIndex at = 0;
    for (const TaskIndex part : parts[phase.id.index]) {
      take_as_published(job, phase, {at, part - at});
      at = part + 1;
    }
    take_as_published(job, phase, {at, phase.tasks.size() - at});
  }
}

void settle(FarmState& farm, const JobEntry& remake, const PhaseEntry& phase, RemakeRecord& remade,
            RemakeOutcome outcome) {
  remade.outcome = outcome;
  remade.time = farm.turn.now.wall;
  farm.turn.put(remade);
  const Cause& asked = remake.record.submitted;
  const std::string digests = digests_text(remade);
  LayerEvent::What what = LayerEvent::What::TaskRemade;
  std::string detail = "as on record, " + digests;
  if (outcome == RemakeOutcome::SameSamples) detail = "the same samples in other bytes, " + digests;
  if (outcome == RemakeOutcome::Replaced) {
    what = LayerEvent::What::TaskReplaced;
    detail =
        fmt::format("{}; requested by {}{}", digests, asked.principal, asked.reason.empty() ? "" : ": " + asked.reason);
  }
  if (outcome == RemakeOutcome::Differs) {
    what = LayerEvent::What::TaskRemadeOtherwise;
    detail = "nothing was changed, " + digests;
  }
  farm.turn.say(
      LayerEvent{what, remade.of, phase.plan->layer, fmt::format("job {}: {}", remake.record.id.value, detail), {}});
}

RemakeRecord* remade_of(JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const auto remade = job.remade.find({phase.id.index, task});
  return remade == job.remade.end() ? nullptr : &remade->second;
}

base::Result<std::vector<RemakeRecord>> records_of(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks,
                                                   const JobChangeRequested& asked, JobId id) {
  std::map<std::pair<PhaseId, TaskIndex>, const CommitRecord*> commits;
  for (const CommitRecord& commit : asked.on_record) commits[{commit.phase, commit.task}] = &commit;
  std::vector<RemakeRecord> records;
  for (const auto& key : tasks) {
    const auto commit = commits.find(key);
    if (commit == commits.end() || commit->second->files.empty())
      return base::error_of(Refusal::RemakeNoRecord, fmt::format("task {} has no files on record", key.second),
                            "frames", "submit the job again for a new version");
    RemakeRecord record;
    record.phase = {id, key.first.index};
    record.task = key.second;
    record.of = key.first.job;
    record.before = commit->second->files;
    records.push_back(std::move(record));
  }
  return records;
}

JobEntry& add_remake(FarmState& farm, const JobEntry& first, const JobChangeRequested& asked,
                     std::vector<RemakeRecord> records) {
  JobRecord record;
  record.id = JobId(++farm.counters.last_job);
  farm.turn.counters = true;
  record.spec = first.record.spec;
  record.plan = first.record.plan;
  record.packages = first.record.packages;
  record.version = first.record.version;
  record.priority = first.record.priority;
  record.submitted = record.last_change = asked.cause;
  record.remake_of = first.record.id;
  record.replaces = asked.replace;
  JobEntry& remake = farm.jobs.add(std::move(record), farm.pace);
  join_share(farm, remake);
  for (RemakeRecord& remade : records) {
    farm.turn.put(remade);
    remake.remade.emplace(std::pair{remade.phase.index, remade.task}, std::move(remade));
  }
  // Pixels are compared: they come from the device class that made the first ones.
  for (PhaseEntry& phase : remake.phases) phase.device_class = first.phases[phase.id.index].device_class;
  take_the_rest(remake);
  return remake;
}

}  // namespace

base::Result<Changed> start_remake(FarmState& farm, JobEntry& first, const JobChangeRequested& asked) {
  FM_ASSIGN(const auto tasks, tasks_to_remake(farm, asked));
  FM_TRY(room_for_job(farm, asked.cause.principal));
  FM_ASSIGN(auto records, records_of(tasks, asked, JobId(farm.counters.last_job + 1)));
  JobEntry& remake = add_remake(farm, first, asked, std::move(records));
  const JobId id = remake.record.id;
  first.remakes.insert(id);
  farm.turn.mark(remake);
  enqueue(farm, remake);
  for (PhaseEntry& phase : remake.phases) {
    farm.turn.mark(phase);
    farm.turn.touch(remake, phase);
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
      if (run.state == TaskState::Waiting) return_tasks(farm, phase, run.tasks);
  }
  const std::string what = fmt::format("{} task{}", tasks.size(), tasks.size() == 1 ? "" : "s");
  audit(farm, asked.cause, asked.replace ? "remake_replace" : "remake", fmt::format("job {}", first.record.id.value));
  farm.turn.say(
      JobEvent{JobEvent::What::RemakeAsked, first.record.id, fmt::format("job {} makes {} again", id.value, what), {}});
  farm.turn.say(JobEvent{JobEvent::What::Submitted,
                         id,
                         fmt::format("{}: {} of job {} again", remake.record.spec->name, what, first.record.id.value),
                         {}});
  return Changed{static_cast<std::uint32_t>(tasks.size()), id};
}

bool may_take_place(FarmState& farm, JobEntry& remake, const PhaseEntry& phase, TaskIndex task,
                    const std::vector<FileRecord>& files) {
  RemakeRecord* remade = remade_of(remake, phase, task);
  if (remade == nullptr) return true;  // an intermediate
  remade->after = files;
  remade->outcome = RemakeOutcome::Open;
  farm.turn.put(*remade);
  if (remake.record.replaces || compared(*remade) != RemakeOutcome::Differs) return true;
  settle(farm, remake, phase, *remade, RemakeOutcome::Differs);
  return false;
}

void settle_remade(FarmState& farm, const PhaseEntry& phase, TaskRange published) {
  JobEntry& remake = farm.job_of(phase.id);
  for (auto it = remake.remade.lower_bound({phase.id.index, published.first});
       it != remake.remade.end() && it->first.first == phase.id.index && it->first.second < published.end(); ++it) {
    const RemakeOutcome outcome = compared(it->second);
    settle(farm, remake, phase, it->second, outcome == RemakeOutcome::Differs ? RemakeOutcome::Replaced : outcome);
  }
}

void settle_refused(FarmState& farm, const PhaseEntry& phase, TaskIndex task) {
  JobEntry& remake = farm.job_of(phase.id);
  if (RemakeRecord* remade = remade_of(remake, phase, task))
    settle(farm, remake, phase, *remade, RemakeOutcome::Differs);
}

void recall_remakes(FarmState& farm, RecordSet::Map<RemakeRecord> records) {
  for (auto& [key, record] : records)
    if (JobEntry* remake = farm.jobs.find(record.phase.job); remake != nullptr && remake->record.remake_of)
      remake->remade.insert_or_assign({record.phase.index, record.task}, std::move(record));
  for (auto& [id, job] : farm.jobs.all()) {
    if (!job.record.remake_of) continue;
    const Parts parts = parts_of(job);
    for (PhaseEntry& phase : job.phases)
      phase.taken = phase.tasks.size() - static_cast<std::uint32_t>(parts[phase.id.index].size());
    if (JobEntry* first = farm.jobs.find(job.record.remake_of)) first->remakes.insert(id);
  }
}

}  // namespace framemill::scheduler
