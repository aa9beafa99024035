// Which windows advance together at a step boundary: a pure choice over plain values. Windows with one key may share a
// batch; keys take turns; inside a key the window that was begun first goes first, so that nothing is paused halfway
// for a newcomer and nothing starves. The caller owns the windows and one Batcher; a window that has to run alone says
// so by a batch_max of 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace framemill::gpu {

struct BatchCandidate {
  std::string key;
  std::uint64_t begun = 0;      // order of beginning
  std::uint32_t batch_max = 1;  // of its grant
};

class Batcher {
 public:
  // Indices into `candidates` of the next batch: one key, at most `limit(key)` windows (never less than one), and never
  // more than the batch_max of any window in it. Empty only without candidates.
  std::vector<std::size_t> next(std::span<const BatchCandidate> candidates,
                                const std::function<std::uint32_t(const std::string&)>& limit);

 private:
  std::map<std::string, std::uint64_t> last_turn_;  // of keys that have candidates now
  std::uint64_t turn_ = 0;
};

}  // namespace framemill::gpu
