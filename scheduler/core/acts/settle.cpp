#include "scheduler/core/acts/settle.h"

#include <cstddef>
#include <utility>

#include "scheduler/core/acts/file_watching.h"
#include "scheduler/core/acts/job_states.h"
#include "scheduler/core/acts/manifests.h"
#include "scheduler/core/acts/sheets.h"
#include "scheduler/core/acts/task_moves.h"

namespace framemill::scheduler {
namespace {

bool wake_those_that_waited(FarmState& farm) {
  auto& published = farm.turn.work.published;
  if (published.empty()) return false;
  for (const auto& [id, tasks] : published) wake_dependents(farm, farm.jobs.get(id), tasks);
  published.clear();
  return true;
}

bool look_at_ends(FarmState& farm) {
  auto& reconsidered = farm.turn.work.reconsidered;
  if (reconsidered.empty()) return false;
  for (std::size_t i = 0; i < reconsidered.size(); ++i) {
    JobEntry& job = farm.jobs.get(reconsidered[i]);
    job.reconsidered = false;
    // What ended or was published may leave others waiting for files alone.
    for (const PhaseEntry& phase : job.phases)
      if (!phase.files.inputs.empty() && phase.tasks.count(TaskState::Waiting) > 0)
        farm.file_watches.stale.insert(phase.id);
    wake_sheets(farm, job);
    owe_manifests(farm, job);
  }
  reconsidered.clear();
  return true;
}

// The consequences of one kind; false: there are none. Tasks come before what counts tasks: a job's state is derived
// last, because in between it may look as if it were over when a sheet of it is about to run.
bool draw_next(FarmState& farm) {
  return wake_those_that_waited(farm) || look_at_ends(farm) || derive_file_waits(farm) || look_after_files(farm) ||
         derive_touched_states(farm);
}

}  // namespace

void settle(FarmState& farm) {
  while (draw_next(farm)) {
  }
}

}  // namespace framemill::scheduler
