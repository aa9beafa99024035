#include "scheduler/core/state/task_states.h"

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kCount = 3 * kTasksPerPage + 100;

TaskState any_state() {
  return static_cast<TaskState>(*rc::gen::inRange(0, jobs::kTaskStateCount));
}

TaskRange any_range() {
  const auto first = *rc::gen::inRange<TaskIndex>(0, kCount);
  const auto most = *rc::gen::element<std::uint32_t>(1, 3, 200, kTasksPerPage, kCount);
  return {first, *rc::gen::inRange<std::uint32_t>(0, std::min(most, kCount - first) + 1)};
}

// What a store would hold after each write.
struct Pages {
  StateCounts counts;
  std::map<std::uint32_t, std::vector<std::uint8_t>> pages;
  void write(TaskStates& states) {
    for (const std::uint32_t page : states.take_dirty_pages()) pages[page] = states.page(page);
    counts = states.counts();
  }
};

void compare(const TaskStates& states, const std::vector<TaskState>& model) {
  StateCounts counts{};
  std::optional<TaskIndex> first_ready;
  for (TaskIndex t = 0; t < kCount; ++t) {
    ++counts[static_cast<std::size_t>(model[t])];
    if (model[t] == TaskState::Ready && !first_ready) first_ready = t;
  }
  RC_ASSERT(states.counts() == counts);
  TaskIndex next = 0;
  for (const StateRun& run : states.runs({0, kCount})) {
    RC_ASSERT(run.tasks.first == next);
    for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t) RC_ASSERT(model[t] == run.state);
    next = run.tasks.end();
  }
  RC_ASSERT(next == kCount);
  const auto ready = states.next_ready(0);
  RC_ASSERT(ready.has_value() == first_ready.has_value());
  if (ready) RC_ASSERT(ready->first == *first_ready);
}

TEST_CASE("runs of states equal a state per task, and come back from their pages") {
  CHECK(rc::check("task states", [] {
    TaskState first = any_state();
    TaskStates states(kCount, first);
    std::vector<TaskState> model(kCount, first);
    Pages pages;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      const TaskRange tasks = *rc::gen::inRange(0, 8) == 0 ? TaskRange{0, kCount} : any_range();
      const TaskState state = any_state();
      states.set(tasks, state);
      std::fill_n(model.begin() + tasks.first, tasks.count, state);
      if (*rc::gen::inRange(0, 3) == 0) continue;  // several changes in one turn
      pages.write(states);
      const auto restored = TaskStates::restore(kCount, pages.counts, pages.pages);
      RC_ASSERT(restored.has_value());
      compare(*restored, model);
    }
    compare(states, model);
  }));
}

TEST_CASE("counts and pages that contradict each other are not believed") {
  TaskStates states(10, TaskState::Ready);
  states.set({2, 3}, TaskState::Leased);
  const std::vector<std::uint8_t> page = states.page(0);
  CHECK(TaskStates::restore(10, states.counts(), {{0, page}}).has_value());
  StateCounts other = states.counts();
  --other[static_cast<std::size_t>(TaskState::Leased)];
  ++other[static_cast<std::size_t>(TaskState::Published)];
  CHECK_FALSE(TaskStates::restore(10, other, {{0, page}}).has_value());
  CHECK_FALSE(TaskStates::restore(10, states.counts(), {}).has_value());
  CHECK_FALSE(TaskStates::restore(10, states.counts(), {{1, page}}).has_value());
  std::vector<std::uint8_t> wild = page;
  wild[0] = 200;
  CHECK_FALSE(TaskStates::restore(10, states.counts(), {{0, wild}}).has_value());
}

}  // namespace
}  // namespace framemill::scheduler
