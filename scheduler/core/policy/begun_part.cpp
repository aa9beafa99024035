#include "scheduler/core/policy/begun_part.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

// One past the last task of the lease that has its files.
TaskIndex end_of_made(const PhaseEntry& phase, TaskRange tasks) {
  TaskIndex end = tasks.first;
  for (const StateRun& run : phase.tasks.runs(tasks))
    if (run.state == TaskState::Committed || run.state == TaskState::Published) end = run.tasks.end();
  return end;
}

}  // namespace

TaskRange begun_part(const FarmState& farm, const PhaseEntry& phase, const Lease& lease) {
  const TaskRange held = lease.record.tasks;
  const TaskRange nothing{held.first, 0};
  if (lease.left == 0) return held;
  const AttemptRunning& at_work = lease.activity;
  // Put back by a restart, and not reported since: it may have begun anything.
  if (at_work.attempt == AttemptId{} && lease.record.id.epoch != farm.settings.epoch) return held;
  if (lease.demand.runner != Runner::Executor) {
    const bool runs = at_work.usage.wall_us > 0 || at_work.step > 0 || at_work.output;
    return runs || lease.record.tasks_committed > 0 ? held : nothing;
  }
  const TaskIndex made = end_of_made(phase, held);
  if (at_work.step == 0 && at_work.batch == 0 && made == held.first) return nothing;
  const std::uint32_t batch = std::max(std::min(at_work.batch, lease.windows), 1u);
  const TaskIndex begun = std::max(std::max(at_work.task, made), held.first);
  return {held.first, std::min(begun - held.first, held.count - std::min(batch, held.count)) + batch};
}

}  // namespace framemill::scheduler
