// Which windows in flight share the next call of the network. Pure: the executor gives what is in flight at a step
// boundary and gets groups back; it owns the windows. Windows with equal keys batch together, up to the admitted size;
// a window whose recipe asks for exact reproducibility runs alone, because network maths is not batch-invariant.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpu/generator.h"

namespace framemill::gpu {

struct InFlight {
  std::uint64_t id = 0;  // the caller's handle
  BatchKey key;
  bool exact = false;
  std::int32_t steps_left = 0;
};

struct BatchLimits {
  std::uint32_t windows_max = 1;  // what memory admits for one call
};

// Groups of ids. Every window is in exactly one group, no group is larger than the limit, keys do not mix, exact
// windows are alone. Order: groups by the position of their first window, windows inside a group by position, so that
// windows handed over first are served first. A limit of 0 counts as 1.
std::vector<std::vector<std::uint64_t>> form_batches(std::span<const InFlight> windows, const BatchLimits& limits);

}  // namespace framemill::gpu
