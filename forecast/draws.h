// Random numbers that belong to a thing (a task on a worker) and not to the order of drawing: what a task takes is the
// same whatever else happens in the run, so that two runs under different policies differ by the policy alone.
// Counter-based (base/philox.h): equal seeds, equal draws, on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/philox.h"

namespace framemill::forecast {

class Draws {
 public:
  // The four numbers name the thing.
  Draws(std::uint64_t seed, std::uint32_t a, std::uint32_t b, std::uint32_t c)
      : key_(base::philox_key(seed)), counter_{0, a, b, c} {}

  // Above 0, at most 1.
  double uniform() {
    if (left_ == 0) {
      block_ = base::philox4x32_10(counter_, key_);
      ++counter_[0];
      left_ = 4;
    }
    --left_;
    return (static_cast<double>(block_[left_]) + 1) / 4294967296.0;
  }
  // Of mean 0 and deviation 1; Box and Muller's.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  // Of mean 1; `deviation`: its own standard deviation, such as 0.3.
  double lognormal(double deviation) {
    const double variance = std::log1p(deviation * deviation);
    return std::exp(std::sqrt(variance) * normal() - variance / 2);
  }

 private:
  base::PhiloxKey key_;
  base::PhiloxCounter counter_;
  base::PhiloxCounter block_{};
  std::uint32_t left_ = 0;
};

}  // namespace framemill::forecast
