#include "scheduler/core/acts/task_moves.h"

#include "base/check.h"
#include "scheduler/core/policy/queue_order.h"
#include "scheduler/core/policy/readiness.h"

namespace framemill::scheduler {
namespace {

void requeue(FarmState& farm, JobEntry& job, PhaseEntry& phase) {
  const bool open = job.may_be_granted();
  const Standing standing = standing_of(job, phase);
  const auto set = [&](Grouping grouping, ClassId demand, std::uint32_t tasks) {
    farm.set_ready({job.record.id, phase.id.index, grouping}, demand, standing, open ? tasks : 0);
  };
  set(Grouping::Single, phase.common_class, phase.single);
  set(Grouping::Common, phase.common_class, phase.ready_common());
  set(Grouping::Alone, phase.alone_class, phase.alone);
}

void unqueue(FarmState& farm, const JobEntry& job, const PhaseEntry& phase) {
  for (const Grouping grouping : {Grouping::Single, Grouping::Common, Grouping::Alone})
    farm.set_ready({phase.id.job, phase.id.index, grouping}, {}, {job.share, {}}, 0);
}

void derive_classes(FarmState& farm, const JobEntry& job, PhaseEntry& phase) {
  const ClassId alone_before = phase.alone_class, common_before = phase.common_class;
  Demand demand = demand_of(job.record, *phase.plan, phase.device_class);
  farm.slot_groups.admit_load(demand.batch_max);
  phase.alone_class = farm.classes.hold(alone(demand));
  phase.common_class = farm.classes.hold(std::move(demand));
  farm.classes.release(alone_before);
  farm.classes.release(common_before);
}

// Granted, given back and committed: nothing ends or begins by a move among these.
bool is_under_way(TaskState state) {
  return state == TaskState::Ready || state == TaskState::Leased || state == TaskState::Committed;
}

}  // namespace

void move_tasks(FarmState& farm, PhaseEntry& phase, TaskRange tasks, TaskState state) {
  if (tasks.empty()) return;
  JobEntry& job = farm.job_of(phase.id);
  bool ends = false, waits = false;
  const bool changed = job.set_tasks(phase, tasks, state, [&](const StateRun& run) {
    FM_CHECK(jobs::may_move(run.state, state), "a task made a move that its lifecycle forbids");
    ends = ends || !(is_under_way(run.state) && is_under_way(state));
    waits = waits || run.state == TaskState::Waiting || state == TaskState::Waiting;
  });
  if (!changed) return;
  for (auto trouble = phase.troubles.lower_bound(tasks.first);
       trouble != phase.troubles.end() && trouble->first < tasks.end(); ++trouble)
    phase.sort_in(trouble->first, trouble->second);
  requeue(farm, job, phase);
  if (waits && !phase.files.inputs.empty()) farm.file_watches.stale.insert(phase.id);
  farm.turn.mark(phase);
  farm.turn.touch(job, phase);
  if (ends) farm.turn.reconsider(job);
  if (state == TaskState::Ready) farm.match_wanted = true;
}

void return_tasks(FarmState& farm, PhaseEntry& phase, TaskRange tasks) {
  const JobEntry& job = farm.job_of(phase.id);
  TaskIndex at = tasks.first;
  for (const TaskRange& ready : ready_parts(job, phase, tasks)) {
    move_tasks(farm, phase, {at, ready.first - at}, TaskState::Waiting);
    move_tasks(farm, phase, ready, TaskState::Ready);
    at = ready.end();
  }
  move_tasks(farm, phase, {at, tasks.end() - at}, TaskState::Waiting);
}

void wake_dependents(FarmState& farm, PhaseEntry& phase, TaskRange published) {
  JobEntry& job = farm.job_of(phase.id);
  for (const Dependent& dependent : phase.dependents) {
    PhaseEntry& owner = job.phases[dependent.owner];
    if (owner.tasks.count(TaskState::Waiting) == 0) continue;
    const jobs::Need& need = owner.plan->needs[dependent.need];
    // What waits for everything is asked once everything is there, not at each step towards it.
    if (need.form == jobs::Need::Form::All && phase.tasks.count(TaskState::Published) != phase.tasks.size()) continue;
    if (need.form == jobs::Need::Form::Range &&
        !phase.tasks.all(jobs::tasks_needed(need, *owner.plan, need.applies_first, *phase.plan), TaskState::Published))
      continue;
    const TaskRange waiting = jobs::tasks_waiting_on(need, *owner.plan, published, *phase.plan);
    for (const StateRun& run : owner.tasks.runs(waiting)) {
      if (run.state != TaskState::Waiting) continue;
      for (const TaskRange& ready : ready_parts(job, owner, run.tasks))
        move_tasks(farm, owner, ready, TaskState::Ready);
    }
  }
}

FailureHistory& failure_history_of(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  const auto [entry, added] = phase.troubles.try_emplace(task);
  if (added) {
    entry->second.record.phase = phase.id;
    entry->second.record.task = task;
  }
  farm.turn.mark(phase, task, entry->second);
  return entry->second;
}

void isolate(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  failure_history_of(farm, phase, task).record.isolate = true;
  sort_trouble(farm, phase, task);
}

void run_single(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  failure_history_of(farm, phase, task).record.run_single = true;
  sort_trouble(farm, phase, task);
}

void forget_trouble(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  const auto entry = phase.troubles.find(task);
  if (entry == phase.troubles.end()) return;
  phase.uncount(entry->second);
  phase.troubles.erase(entry);
  farm.turn.effects.persist.troubles_erased.emplace_back(phase.id, task);
  requeue(farm, farm.job_of(phase.id), phase);
}

void sort_trouble(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  const auto entry = phase.troubles.find(task);
  if (entry == phase.troubles.end()) return;
  phase.sort_in(task, entry->second);
  requeue(farm, farm.job_of(phase.id), phase);
}

void sort_troubles(FarmState& farm, PhaseEntry& phase) {
  for (auto& [task, trouble] : phase.troubles) phase.sort_in(task, trouble);
  requeue(farm, farm.job_of(phase.id), phase);
}

void dequeue(FarmState& farm, JobEntry& job) {
  for (PhaseEntry& phase : job.phases) unqueue(farm, job, phase);
}

void enqueue(FarmState& farm, JobEntry& job) {
  for (PhaseEntry& phase : job.phases) {
    derive_classes(farm, job, phase);
    requeue(farm, job, phase);
    if (!phase.files.inputs.empty()) farm.file_watches.stale.insert(phase.id);
  }
  farm.match_wanted = true;
}

void pin_device_class(FarmState& farm, JobEntry& job, const PhaseEntry& pinned, const std::string& device_class) {
  for (PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != pinned.plan->layer || phase.plan->variant != pinned.plan->variant) continue;
    if (phase.device_class == device_class) continue;
    ++farm.class_moves;
    unqueue(farm, job, phase);
    phase.device_class = device_class;
    derive_classes(farm, job, phase);
    requeue(farm, job, phase);
    farm.turn.mark(phase);
  }
}

void unpin_unmade(FarmState& farm, JobEntry& job, const PhaseEntry& ended) {
  if (ended.device_class.empty()) return;
  for (const PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != ended.plan->layer || phase.plan->variant != ended.plan->variant) continue;
    if (!phase.attempts.empty() ||
        phase.tasks.count(TaskState::Committed) + phase.tasks.count(TaskState::Published) > 0)
      return;
  }
  pin_device_class(farm, job, ended, "");
}

}  // namespace framemill::scheduler
