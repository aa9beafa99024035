// Which manifests a job leaves beside its frames: one for each directory that holds frames of generate or command
// layers, so that two layers which share a directory share its manifest. Where a pattern numbers directories too, it is
// the one above them. Pure values, a function of the plan alone.
#pragma once

#include <string>
#include <vector>

#include "jobs/plan.h"

namespace framemill::jobs {

struct ManifestGroup {
  std::string root;
  std::string directory;           // inside the root; may be empty
  std::vector<PhaseIndex> phases;  // those of generate layers, then those of commands; each ascending
};

// Whether a manifest lists the phase's files: it writes frames.
bool is_on_manifest(const PhasePlan& phase);

// A group's position is its number for good: first the groups with frames of generate layers, in the order of their
// first phases, then those that hold frames of commands alone.
std::vector<ManifestGroup> manifest_groups(const JobPlan& plan);

}  // namespace framemill::jobs
