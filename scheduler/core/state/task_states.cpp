#include "scheduler/core/state/task_states.h"

#include <algorithm>

#include "base/check.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {
namespace {

std::size_t index_of(TaskState state) {
  return static_cast<std::size_t>(state);
}

}  // namespace

TaskStates::TaskStates(std::uint32_t task_count, TaskState state) : task_count_(task_count) {
  FM_CHECK(task_count > 0, "a phase without tasks");
  const std::uint32_t pages = (task_count + kTasksPerPage - 1) / kTasksPerPage;
  recorded_.resize(pages);
  dirty_.resize(pages);
  counts_[index_of(state)] = task_count;
  insert_run(0, state);
}

std::optional<TaskStates> TaskStates::restore(std::uint32_t task_count, const StateCounts& counts,
                                              const std::map<std::uint32_t, std::vector<std::uint8_t>>& pages) {
  // What the pages do not tell is of one state: a page is recorded as soon as it differs from that.
  StateCounts remaining = counts;
  const auto uniform = std::find(counts.begin(), counts.end(), task_count);
  if (uniform == counts.end()) {
    for (const auto& [number, states] : pages)
      for (const std::uint8_t state : states) {
        if (state >= jobs::kTaskStateCount || remaining[state] == 0) return std::nullopt;
        --remaining[state];
      }
  }
  std::uint64_t left = 0;
  TaskState base = TaskState::Waiting;
  std::uint32_t kinds = 0;
  for (std::size_t i = 0; i < remaining.size(); ++i) {
    left += remaining[i];
    if (remaining[i] == 0) continue;
    base = static_cast<TaskState>(i);
    ++kinds;
  }
  if (kinds > 1) return std::nullopt;

  TaskStates restored(task_count, base);
  std::uint64_t told = 0;
  for (const auto& [number, states] : pages) {
    const std::uint64_t first = std::uint64_t{number} * kTasksPerPage;
    if (first >= task_count || states.size() != std::min<std::uint64_t>(kTasksPerPage, task_count - first))
      return std::nullopt;
    restored.recorded_[number] = true;
    if (uniform != counts.end()) continue;
    told += states.size();
    for (std::size_t i = 0; i < states.size();) {
      std::size_t end = i + 1;
      while (end < states.size() && states[end] == states[i]) ++end;
      restored.set({static_cast<TaskIndex>(first + i), static_cast<std::uint32_t>(end - i)},
                   static_cast<TaskState>(states[i]));
      i = end;
    }
  }
  if (told + left != task_count || restored.counts_ != counts) return std::nullopt;
  for (const std::uint32_t number : restored.dirty_pages_) restored.dirty_[number] = false;
  restored.dirty_pages_.clear();
  return restored;
}

TaskIndex TaskStates::end_of(std::map<TaskIndex, TaskState>::const_iterator run) const {
  const auto next = std::next(run);
  return next == starts_.end() ? task_count_ : next->first;
}

StateRun TaskStates::run_at(TaskIndex task) const {
  FM_CHECK(task < task_count_, "a task outside its phase");
  const auto run = std::prev(starts_.upper_bound(task));
  return {{run->first, end_of(run) - run->first}, run->second};
}

bool TaskStates::all(TaskRange tasks, TaskState state) const {
  if (tasks.empty()) return true;
  const StateRun run = run_at(tasks.first);
  return run.state == state && run.tasks.end() >= tasks.end();
}

bool TaskStates::any(TaskRange tasks, TaskState state) const {
  if (tasks.empty() || count(state) == 0) return false;
  for (auto run = std::prev(starts_.upper_bound(tasks.first)); run != starts_.end() && run->first < tasks.end(); ++run)
    if (run->second == state) return true;
  return false;
}

std::vector<StateRun> TaskStates::runs(TaskRange tasks) const {
  std::vector<StateRun> found;
  if (tasks.empty()) return found;
  for (auto run = std::prev(starts_.upper_bound(tasks.first)); run != starts_.end() && run->first < tasks.end();
       ++run) {
    const TaskIndex first = std::max(run->first, tasks.first);
    found.push_back({{first, std::min(end_of(run), tasks.end()) - first}, run->second});
  }
  return found;
}

std::optional<TaskRange> TaskStates::next_ready(TaskIndex from) const {
  if (from >= task_count_ || ready_starts_.empty()) return std::nullopt;
  const StateRun here = run_at(from);
  if (here.state == TaskState::Ready) return TaskRange{from, here.tasks.end() - from};
  const auto next = ready_starts_.lower_bound(from);
  if (next == ready_starts_.end()) return std::nullopt;
  return run_at(*next).tasks;
}

void TaskStates::insert_run(TaskIndex first, TaskState state) {
  starts_.insert_or_assign(first, state);
  if (state == TaskState::Ready) ready_starts_.insert(first);
}

void TaskStates::erase_run(std::map<TaskIndex, TaskState>::iterator run) {
  if (run->second == TaskState::Ready) ready_starts_.erase(run->first);
  starts_.erase(run);
}

void TaskStates::split_at(TaskIndex task) {
  if (task >= task_count_) return;
  const auto run = std::prev(starts_.upper_bound(task));
  if (run->first != task) insert_run(task, run->second);
}

void TaskStates::mark_dirty(std::uint32_t page) {
  if (dirty_[page]) return;
  dirty_[page] = true;
  dirty_pages_.push_back(page);
}

void TaskStates::set(TaskRange tasks, TaskState state) {
  if (tasks.empty()) return;
  FM_CHECK(tasks.first < task_count_ && tasks.count <= task_count_ - tasks.first, "tasks outside their phase");
  const bool was_uniform = uniform();
  split_at(tasks.first);
  split_at(tasks.end());
  for (auto run = starts_.find(tasks.first); run != starts_.end() && run->first < tasks.end();) {
    counts_[index_of(run->second)] -= end_of(run) - run->first;
    erase_run(run++);
  }
  counts_[index_of(state)] += tasks.count;
  insert_run(tasks.first, state);
  // Join with the neighbours that have the same state.
  auto run = starts_.find(tasks.first);
  if (const auto next = std::next(run); next != starts_.end() && next->second == state) erase_run(next);
  if (run != starts_.begin() && std::prev(run)->second == state) erase_run(run);

  if (uniform()) {
    for (const std::uint32_t page : dirty_pages_) dirty_[page] = false;
    dirty_pages_.clear();
    return;
  }
  // While all tasks were alike the recorded pages were not kept up to date.
  if (was_uniform)
    for (std::uint32_t page = 0; page < recorded_.size(); ++page)
      if (recorded_[page]) mark_dirty(page);
  for (std::uint32_t page = tasks.first / kTasksPerPage; page <= (tasks.end() - 1) / kTasksPerPage; ++page)
    mark_dirty(page);
}

std::vector<std::uint32_t> TaskStates::take_dirty_pages() {
  std::vector<std::uint32_t> pages;
  pages.swap(dirty_pages_);
  std::sort(pages.begin(), pages.end());
  for (const std::uint32_t page : pages) {
    dirty_[page] = false;
    recorded_[page] = true;
  }
  return pages;
}

std::vector<std::uint32_t> TaskStates::recorded_pages() const {
  std::vector<std::uint32_t> pages;
  if (uniform()) return pages;
  for (std::uint32_t page = 0; page < recorded_.size(); ++page)
    if (recorded_[page]) pages.push_back(page);
  return pages;
}

std::vector<std::uint8_t> TaskStates::page(std::uint32_t number) const {
  const TaskIndex first = number * kTasksPerPage;
  const TaskRange tasks{first, std::min(kTasksPerPage, task_count_ - first)};
  std::vector<std::uint8_t> states(tasks.count);
  for (const StateRun& run : runs(tasks))
    std::fill_n(states.begin() + (run.tasks.first - first), run.tasks.count, static_cast<std::uint8_t>(run.state));
  return states;
}

}  // namespace framemill::scheduler
