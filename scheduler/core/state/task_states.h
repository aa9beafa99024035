// The states of one phase's tasks as runs of equal state: ten million untouched tasks are one entry. Keeps the counts,
// the runs that are ready, and which pages of the store no longer tell the truth. Owned by the job book; no policy
// here.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "jobs/ids.h"
#include "jobs/lifecycle.h"

namespace framemill::scheduler {

using jobs::TaskIndex;
using jobs::TaskRange;
using jobs::TaskState;

using StateCounts = std::array<std::uint32_t, jobs::kTaskStateCount>;  // by jobs::TaskState
using TaskCounts = std::array<std::uint64_t, jobs::kTaskStateCount>;   // the same, over many phases

struct StateRun {
  TaskRange tasks;
  TaskState state = TaskState::Waiting;
};

class TaskStates {
 public:
  TaskStates(std::uint32_t task_count, TaskState state);

  // From records. `pages` holds the pages on record, by number; they are believed only where the counts say that the
  // tasks differ. Nothing when counts and pages contradict each other.
  static std::optional<TaskStates> restore(std::uint32_t task_count, const StateCounts& counts,
                                           const std::map<std::uint32_t, std::vector<std::uint8_t>>& pages);

  std::uint32_t size() const { return task_count_; }
  const StateCounts& counts() const { return counts_; }
  std::uint32_t count(TaskState state) const { return counts_[static_cast<std::size_t>(state)]; }
  bool uniform() const { return starts_.size() == 1; }
  std::size_t run_count() const { return starts_.size(); }

  TaskState at(TaskIndex task) const { return run_at(task).state; }
  StateRun run_at(TaskIndex task) const;             // the whole run that holds the task
  bool all(TaskRange tasks, TaskState state) const;  // true for an empty range
  bool any(TaskRange tasks, TaskState state) const;
  std::vector<StateRun> runs(TaskRange tasks) const;  // clipped to the range, ascending
  // The ready tasks from `from` on, up to the end of their run.
  std::optional<TaskRange> next_ready(TaskIndex from) const;

  void set(TaskRange tasks, TaskState state);

  // Pages that must be written, ascending; they count as recorded afterwards.
  std::vector<std::uint32_t> take_dirty_pages();
  std::vector<std::uint32_t> recorded_pages() const;  // empty while uniform: the counts tell everything
  std::vector<std::uint8_t> page(std::uint32_t number) const;

 private:
  void split_at(TaskIndex task);
  void insert_run(TaskIndex first, TaskState state);
  void erase_run(std::map<TaskIndex, TaskState>::iterator run);
  TaskIndex end_of(std::map<TaskIndex, TaskState>::const_iterator run) const;
  void mark_dirty(std::uint32_t page);

  std::uint32_t task_count_ = 0;
  StateCounts counts_{};
  std::map<TaskIndex, TaskState> starts_;  // where a run starts; neighbours differ
  std::set<TaskIndex> ready_starts_;       // of them, the ready ones
  std::vector<bool> recorded_, dirty_;     // by page
  std::vector<std::uint32_t> dirty_pages_;
};

}  // namespace framemill::scheduler
