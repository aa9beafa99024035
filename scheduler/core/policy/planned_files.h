// Which files a task may commit: their final names follow from the plan, so a report that names another job's frame, or
// anything else, is refused before it is on record (promise P12). Pure.
#pragma once

#include <string>
#include <vector>

#include "jobs/plan.h"
#include "scheduler/core/state/events.h"

namespace framemill::scheduler {

// Where a denoised window's latents are published, inside the root of its layer.
std::string latents_path(PhaseId phase, TaskIndex task);

// The first file that the task's plan does not contain: a final name of another task or of nothing, a staged name that
// is not a file of its own attempt's directory, a name said twice. Null: all are its own.
const FileRecord* unplanned_file(const jobs::PhasePlan& plan, PhaseId phase, TaskIndex task,
                                 const std::vector<FileRecord>& files);

}  // namespace framemill::scheduler
