// Which manifests a job leaves beside its frames: one for each directory that holds frames of generate layers, so that
// two layers which share a directory share its manifest. Where a pattern numbers directories too, it is the one above
// them. Pure values, a function of the plan alone.
#pragma once

#include <string>
#include <vector>

#include "jobs/plan.h"

namespace framemill::jobs {

struct ManifestGroup {
  std::string root;
  std::string directory;           // inside the root; may be empty
  std::vector<PhaseIndex> phases;  // Decode phases, ascending
};

// In the order of their first phases: a group's position is its number for good.
std::vector<ManifestGroup> manifest_groups(const JobPlan& plan);

}  // namespace framemill::jobs
