// The rows of the table of invariants (invariants.h) that speak of leases: who holds a task, for how long, and what a
// worker does that cannot prove its own.
#pragma once

#include <vector>

#include "sim/invariant.h"

namespace framemill::sim {

std::vector<Invariant> lease_invariants();

}  // namespace framemill::sim
