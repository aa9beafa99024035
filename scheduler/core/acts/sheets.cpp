#include "scheduler/core/acts/sheets.h"

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/readiness.h"

namespace framemill::scheduler {

void wake_sheets(FarmState& farm, JobEntry& job) {
  if (job.final()) return;
  for (PhaseEntry& phase : job.phases)
    if (phase.plan->traits().waits_for_end && phase.tasks.count(TaskState::Waiting) > 0)
      for (const TaskRange& ready : ready_parts(job, phase, {0, phase.tasks.size()}))
        for (const StateRun& run : phase.tasks.runs(ready))
          if (run.state == TaskState::Waiting) move_tasks(farm, phase, run.tasks, TaskState::Ready);
}

void hold_sheets(FarmState& farm, JobEntry& job) {
  for (PhaseEntry& phase : job.phases) {
    if (!phase.plan->traits().waits_for_end) continue;
    const auto holders = phase.attempts;  // a copy: a revoke takes it out
    for (const auto& [first, id] : holders)
      if (farm.leases.get(id).left > 0 && !needs_met(job, phase, first, {}))
        revoke_attempt(farm, id, jobs::RevokeReason::Cancelled);
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
      if (run.state == TaskState::Ready) return_tasks(farm, phase, run.tasks);
  }
}

}  // namespace framemill::scheduler
