// What stays the same over a run: how many workers there are and what each can do, how many jobs, the scheduler's
// settings. Drawn from the seed, or given by whoever wants a certain farm.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/core/farm.h"
#include "sim/worker_host.h"

namespace framemill::sim {

struct FarmPlan {
  std::uint64_t seed = 1;
  scheduler::FarmSettings settings;
  std::vector<HostPlan> hosts;
  std::uint32_t jobs = 1;
  bool reproducible = true;  // every attempt at a task makes the same files
  base::Duration with_faults = base::seconds(120);

  std::vector<std::string> worker_keys() const;
};
FarmPlan draw_farm(std::uint64_t seed);

}  // namespace framemill::sim
