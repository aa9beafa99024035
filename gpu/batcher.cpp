#include "gpu/batcher.h"

#include <algorithm>
#include <map>

namespace framemill::gpu {

std::vector<std::vector<std::uint64_t>> form_batches(std::span<const InFlight> windows, const BatchLimits& limits) {
  const std::size_t most = std::max<std::uint32_t>(1, limits.windows_max);
  std::vector<std::vector<std::uint64_t>> batches;
  std::map<BatchKey, std::size_t> open;  // the batch of that key which still has room
  for (const InFlight& window : windows) {
    if (window.exact) {
      batches.push_back({window.id});
      continue;
    }
    const auto found = open.find(window.key);
    if (found != open.end() && batches[found->second].size() < most) {
      batches[found->second].push_back(window.id);
    } else {
      open[window.key] = batches.size();
      batches.push_back({window.id});
    }
  }
  return batches;
}

}  // namespace framemill::gpu
