// What must hold whatever goes wrong: a table. A row looks at the world after each event, and may remember what it saw. To
// add one: add a row, here or beside its like in lease_invariants.cpp (who holds a task) or report_invariants.cpp (what
// workers and scheduler say to each other).
#pragma once

#include <vector>

#include "sim/invariant.h"

namespace framemill::sim {

// All of them. A table of its own for each world: the rows remember.
std::vector<Invariant> invariants();

}  // namespace framemill::sim
