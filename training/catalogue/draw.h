// A small deterministic generator for scenes: SplitMix64 (Steele, Lea, Flood 2014). Scenes need many cheap draws in a
// fixed order; noise that must not depend on order comes from gpu/noise.h instead.
#pragma once

#include <cstdint>

namespace framemill::train {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  float unit() { return static_cast<float>(bits() >> 40) * 0x1p-24f; }  // [0, 1)
  float between(float low, float high) { return low + (high - low) * unit(); }
  int below(int count) { return static_cast<int>(bits() % static_cast<std::uint64_t>(count)); }
  bool chance(float probability) { return unit() < probability; }

 private:
  std::uint64_t state_;
};

// A value in [0, 1) for an integer place of an endless pattern.
inline float hashed_unit(std::uint32_t seed, std::int32_t place, std::uint32_t stream = 0) {
  return Draw((std::uint64_t{seed} << 32 | static_cast<std::uint32_t>(place)) ^
              (std::uint64_t{stream} * 0xD6E8FEB86659FD93u))
      .unit();
}

}  // namespace framemill::train
