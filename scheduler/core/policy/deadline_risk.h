// Whether a job's deadline is at risk, and until when its work has to begin at the latest. What is left is counted in
// seconds of the slots that could take it, as measured; what was never measured counts for nothing, and a reserve stands
// in for it. Reads only.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

struct DeadlineRisk {
  bool at_risk = false;
  std::int64_t latest_start_ms = 0;  // of the wall clock: the deadline less the time that is needed
  std::int64_t risk_begins_ms = 0;   // likewise: from then on it is at risk, as far as is known now
};

// How long what is left takes when all slots that could take it are its own: the work divided over them, and at least
// the longest chain.
base::Duration time_needed(const FarmState& farm, const JobEntry& job);

// Of a job that has a deadline. At risk: less than twice the time that is needed is left, and ten minutes.
DeadlineRisk deadline_risk(const FarmState& farm, const JobEntry& job);

}  // namespace framemill::scheduler
