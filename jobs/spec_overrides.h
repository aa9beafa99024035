// Overrides of a spec from the command line, put into its tree. Private to this room; pure.
#pragma once

#include "config/table_reader.h"
#include "jobs/spec.h"

namespace framemill::jobs {

// Each override that names no place of the tree becomes a finding.
void apply_overrides(config::Node& root, const SpecOverrides& overrides, config::Findings& findings);

}  // namespace framemill::jobs
