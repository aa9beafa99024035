// The same trace under the rules of other schedulers, from their published descriptions, each in a few lines. They get
// what flatters them: no network, no start-up of their own, tasks of any device class side by side, and they know what a
// task takes.
//   fixed-chunks  what farm managers do: chunks of ten tasks, each a process of its own, which loads its model; priority,
//                 then the oldest job
//   fifo          a server with warm models and one task at a time, strictly in the order of submission (vLLM-Omni's
//                 request scheduler)
//   stranded      OpenCue's placement: a process per task; of the devices that are free the one that leaves the fewest
//                 cores stranded, which for whole devices is the smallest that fits
//   risk          vLLM-Omni's super_p95 step scheduler: first come, first served, but the requests with the longest
//                 estimated service, five of a hundred, are sacrificed: they run when nothing else waits, the newest
//                 first; warm models
#pragma once

#include <string_view>
#include <vector>

#include "sim/policy/outcome.h"

namespace framemill::sim {

struct Comparator {
  std::string_view name;
  std::uint32_t chunk;         // tasks a lease
  bool loads_each_time;        // a process per lease
  bool by_priority;            // before the order of submission
  bool smallest_device_first;  // else the fastest
  bool sacrifices_longest;
};
const std::vector<Comparator>& comparators();
const Comparator* find_comparator(std::string_view name);  // null: there is none

PolicyOutcome run_comparator(const FarmTrace& trace, std::uint64_t seed, const Comparator& rules);

}  // namespace framemill::sim
