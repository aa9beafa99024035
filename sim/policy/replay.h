// A trace through the product's own core (forecast/virtual_farm.h).
#pragma once

#include "base/result.h"
#include "sim/policy/outcome.h"

namespace framemill::sim {

// Errors: of a job that the farm refuses, with the job's place in the trace.
base::Result<PolicyOutcome> replay(const FarmTrace& trace, std::uint64_t seed);

}  // namespace framemill::sim
