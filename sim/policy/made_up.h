// Generated traces: the named farms behind the published figures, and farms drawn from a seed.
#pragma once

#include <string_view>
#include <vector>

#include "sim/policy/trace.h"

namespace framemill::sim {

struct NamedFarm {
  std::string_view name, what;
  FarmTrace (*make)(double scale);  // scale: of workers and jobs alike, 1 as it is described
};
const std::vector<NamedFarm>& named_farms();
const NamedFarm* find_named_farm(std::string_view name);  // null: there is none

FarmTrace random_trace(std::uint64_t seed);

}  // namespace framemill::sim
