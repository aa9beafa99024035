// The rows of the table of invariants (invariants.h) that speak of what a worker and the scheduler say to each other:
// reports count once and in order, orders are followed once.
#pragma once

#include <vector>

#include "sim/invariant.h"

namespace framemill::sim {

std::vector<Invariant> report_invariants();

}  // namespace framemill::sim
