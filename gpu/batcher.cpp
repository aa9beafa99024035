#include "gpu/batcher.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace framemill::gpu {

std::vector<std::size_t> Batcher::next(std::span<const BatchCandidate> candidates,
                                       const std::function<std::uint32_t(const std::string&)>& limit) {
  if (candidates.empty()) {
    last_turn_.clear();
    return {};
  }
  std::set<std::string_view> present;
  for (const BatchCandidate& candidate : candidates) present.insert(candidate.key);
  std::erase_if(last_turn_, [&](const auto& entry) { return !present.contains(entry.first); });

  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto last_turn = [&](std::size_t i) {
    const auto found = last_turn_.find(candidates[i].key);
    return found == last_turn_.end() ? std::uint64_t{0} : found->second;
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(last_turn(a), candidates[a].begun) < std::pair(last_turn(b), candidates[b].begun);
  });

  const std::string& key = candidates[order.front()].key;
  last_turn_[key] = ++turn_;
  std::size_t most = std::max<std::size_t>(1, limit(key));
  std::vector<std::size_t> batch;
  for (const std::size_t i : order) {
    const BatchCandidate& candidate = candidates[i];
    if (candidate.key != key || batch.size() + 1 > std::max<std::size_t>(1, candidate.batch_max)) continue;
    if (batch.size() == most) break;
    most = std::min<std::size_t>(most, std::max<std::uint32_t>(1, candidate.batch_max));
    batch.push_back(i);
  }
  return batch;
}

}  // namespace framemill::gpu
