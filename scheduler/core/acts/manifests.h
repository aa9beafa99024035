// The duty to leave a manifest beside the frames of a directory once all of them are final: ordered of one worker that
// sees the root, repeated, rolled forward whatever happens to the job; a job is not done before. A retry that publishes
// more owes it again. Derived from the tasks' states; see docs/decisions/0004-manifests.md.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void owe_manifests(FarmState& farm, JobEntry& job);  // those whose frames are final now
void repeat_manifests(FarmState& farm, WorkerEntry& worker);
void on_manifest_written(FarmState& farm, WorkerId worker, const ManifestWritten& written);
void recall_manifests(JobEntry& job);  // after a restart: what a final job owed it has

}  // namespace framemill::scheduler
