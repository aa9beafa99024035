// Draws of one stream of a seed. Each part of the simulated farm has a stream of its own, so that a fault that is added
// to the table does not change what the other parts draw. Counter-based (base/philox.h): equal seeds, equal draws, on
// every machine.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/philox.h"
#include "base/time.h"

namespace framemill::sim {

class Random {
 public:
  // The stream's name takes part in the key: FNV-1a, 64 bits.
  Random(std::uint64_t seed, std::string_view stream) : key_(base::philox_key(seed ^ hash(stream))) {}

  std::uint64_t next() {
    if (left_ == 0) {
      block_ = base::philox4x32_10({static_cast<std::uint32_t>(drawn_), static_cast<std::uint32_t>(drawn_ >> 32), 0, 0},
                                   key_);
      ++drawn_;
      left_ = 2;
    }
    --left_;
    return std::uint64_t{block_[left_ * 2]} << 32 | block_[left_ * 2 + 1];
  }
  // From first to last, both possible.
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(last - first + 1));
  }
  base::Duration between(base::Duration first, base::Duration last) { return {between(first.ms, last.ms)}; }
  bool chance(std::uint32_t permille) { return next() % 1000 < permille; }
  template <class Container>
  auto& pick(Container& from) {
    return from[static_cast<std::size_t>(next() % std::size(from))];
  }

 private:
  static constexpr std::uint64_t hash(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325ull;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    return sum;
  }

  base::PhiloxKey key_;
  base::PhiloxCounter block_{};
  std::uint64_t drawn_ = 0;
  std::size_t left_ = 0;
};

}  // namespace framemill::sim
