#include "scheduler/core/readiness.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

using jobs::Need;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && a < 0 ? 1 : 0);
}

bool is_met(const JobEntry& job, const Need& need, TaskIndex task) {
  const TaskStates& needed = job.phases[need.phase].tasks;
  return needed.all(jobs::tasks_needed(need, task, needed.size()), TaskState::Published);
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
std::vector<TaskRange> held_back(const JobEntry& job, const Need& need, TaskRange tasks) {
  const TaskStates& needed = job.phases[need.phase].tasks;
  if (needed.count(TaskState::Published) == needed.size()) return {};
  const std::int64_t first = std::max(tasks.first, need.applies_first);
  const std::int64_t last = std::min<std::int64_t>(std::int64_t{tasks.end()} - 1, need.applies_last);
  if (first > last) return {};
  const TaskRange applies{static_cast<TaskIndex>(first), static_cast<std::uint32_t>(last - first + 1)};
  if (need.form != Need::Form::Linear) {
    if (is_met(job, need, applies.first)) return {};
    return {applies};
  }
  if (needed.count(TaskState::Published) == 0) {
    const TaskRange bound = bound_tasks(need, first, last, needed.size());
    return bound.empty() ? std::vector<TaskRange>{} : std::vector<TaskRange>{bound};
  }
  std::vector<TaskRange> held;
  for (TaskIndex t = applies.first; t < applies.end(); ++t) {
    if (is_met(job, need, t)) continue;
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

std::vector<TaskRange> ready_parts(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks) {
  std::vector<TaskRange> open{tasks};
  for (const Need& need : phase.plan->needs) {
    if (open.empty()) break;
    open = without(open, held_back(job, need, tasks));
  }
  return open;
}

bool needs_met(const JobEntry& job, const PhaseEntry& phase, TaskIndex task, TaskRange own) {
  for (const Need& need : phase.plan->needs) {
    if (is_met(job, need, task)) continue;
    if (need.phase != phase.id.index) return false;
    const TaskRange needed = jobs::tasks_needed(need, task, phase.tasks.size());
    for (TaskIndex t = needed.first; t < needed.end(); ++t)
      if (!own.contains(t) && phase.tasks.at(t) != TaskState::Published) return false;
  }
  return true;
}

std::optional<Missing> first_missing(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  for (const Need& need : phase.plan->needs) {
    const TaskStates& needed = job.phases[need.phase].tasks;
    const TaskRange tasks = jobs::tasks_needed(need, task, needed.size());
    for (const StateRun& run : needed.runs(tasks))
      if (run.state != TaskState::Published) return Missing{&need, need.phase, run.tasks.first};
  }
  return std::nullopt;
}

}  // namespace framemill::scheduler
