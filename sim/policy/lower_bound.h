// No policy finishes a trace sooner than this. The greatest of five bounds, each of them for the work that was submitted
// from a moment on and for the devices that can take it (docs/simulator.md has the formulas):
//   fluid     the work divided over all devices as if it had no tasks, after each has loaded a model
//   count     a device makes whole tasks only, none shorter than the shortest
//   largest   the k largest tasks keep at most the k fastest devices busy
//   memory    the same for the work that only devices with much memory, or of one kind, can take
//   path      layers that wait for each other, and chains, on the fastest device
// Reference: Horvath, Lam, Sethi, "A level algorithm for preemptive scheduling", JACM 24 (1977), for the k largest on
// machines of different speeds.
#pragma once

#include <cstdint>
#include <string>

#include "sim/policy/trace.h"

namespace framemill::sim {

struct LowerBound {
  double makespan_s = 0;  // from the first submit to the end of the last task
  std::string by;         // which of them it is
};
LowerBound lower_bound(const FarmTrace& trace, std::uint64_t seed);

}  // namespace framemill::sim
