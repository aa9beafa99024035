// One run of a simulated farm: faults strike it for minutes and then stop, and after each event the table of invariants is
// held against it. It ends when the farm is at rest, or when an invariant is broken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/farm_plan.h"
#include "sim/trace.h"

namespace framemill::sim {

struct Verdict {
  std::string violation;  // "name (promise): what was seen"; empty: all held
  std::uint64_t events = 0;
  base::Duration virtual_time;
  std::vector<std::string> last_lines;  // of the trace
};
Verdict run_farm(FarmPlan plan, TraceMode mode);

}  // namespace framemill::sim
