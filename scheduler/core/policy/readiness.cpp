#include "scheduler/core/policy/readiness.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

using jobs::Need;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && a < 0 ? 1 : 0);
}

bool any_alive(const TaskStates& tasks) {
  return tasks.count(TaskState::Ready) + tasks.count(TaskState::Leased) + tasks.count(TaskState::Committed) > 0;
}

// A task that waits has what it needs of the job: it is made ready in this very turn, where others were looked at before
// it, or lacks files of roots alone, which may still come or are given up in time.
bool any_about_to_run(const JobEntry& job, const PhaseEntry& phase) {
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
    if (run.state == TaskState::Waiting && !open_but_for_files(job, phase, run.tasks).empty()) return true;
  return false;
}

// No task of the phase can still run. What waits in it waits for its own lost tasks or for those of phases before it,
// all of which are asked, each once. `asked`: by phase.
bool is_over(const JobEntry& job, const PhaseEntry& phase, std::vector<bool>& asked) {
  if (asked[phase.id.index]) return true;
  asked[phase.id.index] = true;
  if (any_alive(phase.tasks)) return false;
  if (phase.tasks.count(TaskState::Waiting) == 0) return true;
  if (any_about_to_run(job, phase)) return false;
  const auto& needs = phase.plan->needs;
  return std::all_of(needs.begin(), needs.end(),
                     [&](const Need& need) { return is_over(job, job.phases[need.phase], asked); });
}

bool waits_for_the_end(const PhaseEntry& phase) {
  return phase.plan->traits().waits_for_end;
}

bool is_met(const JobEntry& job, const PhaseEntry& phase, const Need& need, TaskIndex task) {
  const PhaseEntry& needed = job.phases[need.phase];
  const TaskRange tasks = jobs::tasks_needed(need, *phase.plan, task, *needed.plan);
  if (needed.tasks.all(tasks, TaskState::Published)) return true;
  return waits_for_the_end(phase) && are_over(job, needed, tasks);
}

// The first task in [first, last] for which `holds`, which stays true once it is; last + 1 when there is none.
template <class Holds>
std::int64_t first_where(std::int64_t first, std::int64_t last, Holds holds) {
  while (first <= last) {
    const std::int64_t middle = first + (last - first) / 2;
    if (holds(middle))
      last = middle - 1;
    else
      first = middle + 1;
  }
  return first;
}

// Tasks first..last that a linear need binds to any task at all: the others reach beyond the needed phase's ends.
TaskRange bound_tasks(const Need& need, std::int64_t first, std::int64_t last, std::uint32_t needed_count) {
  const auto base = [&](std::int64_t t) { return floor_div(t * need.mul, need.div); };
  if (need.lo > need.hi) return {};
  const std::int64_t from = first_where(first, last, [&](std::int64_t t) { return base(t) + need.hi >= 0; });
  const std::int64_t to =
      first_where(first, last, [&](std::int64_t t) { return base(t) + need.lo >= std::int64_t{needed_count}; }) - 1;
  if (from > to) return {};
  return {static_cast<TaskIndex>(from), static_cast<std::uint32_t>(to - from + 1)};
}

// Parts of `tasks` that this need holds back, ascending.
std::vector<TaskRange> held_back(const JobEntry& job, const PhaseEntry& phase, const Need& need, TaskRange tasks) {
  const TaskStates& needed = job.phases[need.phase].tasks;
  if (needed.count(TaskState::Published) == needed.size()) return {};
  const std::int64_t first = std::max(tasks.first, need.applies_first);
  const std::int64_t last = std::min<std::int64_t>(std::int64_t{tasks.end()} - 1, need.applies_last);
  if (first > last) return {};
  const TaskRange applies{static_cast<TaskIndex>(first), static_cast<std::uint32_t>(last - first + 1)};
  if (need.form == Need::Form::Range || need.form == Need::Form::All) {
    if (is_met(job, phase, need, applies.first)) return {};
    return {applies};
  }
  if (need.form == Need::Form::Linear && needed.count(TaskState::Published) == 0) {
    const TaskRange bound = bound_tasks(need, first, last, needed.size());
    return bound.empty() ? std::vector<TaskRange>{} : std::vector<TaskRange>{bound};
  }
  std::vector<TaskRange> held;
  for (TaskIndex t = applies.first; t < applies.end(); ++t) {
    if (is_met(job, phase, need, t)) continue;
    if (!held.empty() && held.back().end() == t)
      ++held.back().count;
    else
      held.push_back({t, 1});
  }
  return held;
}

std::vector<TaskRange> without(const std::vector<TaskRange>& open, const std::vector<TaskRange>& held) {
  std::vector<TaskRange> left;
  auto next = held.begin();
  for (const TaskRange& range : open) {
    TaskIndex at = range.first;
    while (next != held.end() && next->end() <= at) ++next;
    for (auto block = next; block != held.end() && block->first < range.end(); ++block) {
      if (block->first > at) left.push_back({at, block->first - at});
      at = std::max(at, block->end());
    }
    if (at < range.end()) left.push_back({at, range.end() - at});
  }
  return left;
}

}  // namespace

std::vector<TaskRange> open_but_for_files(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks) {
  std::vector<TaskRange> open{tasks};
  for (const Need& need : phase.plan->needs) {
    if (open.empty()) break;
    open = without(open, held_back(job, phase, need, tasks));
  }
  return open;
}

std::vector<TaskRange> ready_parts(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks) {
  const std::vector<TaskRange> open = open_but_for_files(job, phase, tasks);
  return open.empty() ? open : without(open, held_by_files(phase.files, *phase.plan, tasks));
}

bool needs_met(const JobEntry& job, const PhaseEntry& phase, TaskIndex task, TaskRange own) {
  if (!held_by_files(phase.files, *phase.plan, {task, 1}).empty()) return false;
  for (const Need& need : phase.plan->needs) {
    if (is_met(job, phase, need, task)) continue;
    if (need.phase != phase.id.index) return false;
    const TaskRange needed = jobs::tasks_needed(need, *phase.plan, task, *phase.plan);
    for (TaskIndex t = needed.first; t < needed.end(); ++t)
      if (!own.contains(t) && phase.tasks.at(t) != TaskState::Published) return false;
  }
  return true;
}

bool are_over(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks) {
  if (tasks.count == phase.tasks.size() && any_alive(phase.tasks)) return false;  // the common answer, at once
  bool waiting = false;
  for (const StateRun& run : phase.tasks.runs(tasks)) {
    if (run.state == TaskState::Ready || run.state == TaskState::Leased || run.state == TaskState::Committed)
      return false;
    waiting = waiting || run.state == TaskState::Waiting;
  }
  std::vector<bool> asked(job.phases.size());
  return !waiting || is_over(job, phase, asked);
}

std::optional<Missing> first_missing(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  for (const Need& need : phase.plan->needs) {
    if (is_met(job, phase, need, task)) continue;
    const PhaseEntry& needed = job.phases[need.phase];
    const TaskRange tasks = jobs::tasks_needed(need, *phase.plan, task, *needed.plan);
    for (const StateRun& run : needed.tasks.runs(tasks))
      if (run.state != TaskState::Published && !(waits_for_the_end(phase) && jobs::is_final(run.state)))
        return Missing{&need, need.phase, run.tasks.first};
  }
  return std::nullopt;
}

}  // namespace framemill::scheduler
