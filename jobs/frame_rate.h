// Frames per second as an exact fraction: 24 is 24/1, and what people write as 23.98 is the television rate 24000/1001.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::jobs {

// In lowest terms; at least 1 and at most 240 frames per second.
struct FrameRate {
  std::uint32_t num = 24, den = 1;
  double value() const { return static_cast<double>(num) / den; }
  std::string text() const;  // "24", "24000/1001"
  bool operator==(const FrameRate&) const = default;

  // From a number as people write it. Within 0.01 of N*1000/1001 for N = 24, 30, 48, 60, 120, 240, and not nearer to a
  // whole number, it means that television rate (23.98, 29.97, 47.95, 59.94, 119.88, 239.76); else it is taken exactly,
  // to six decimals. Error: spec.out_of_range.
  static base::Result<FrameRate> from_number(double frames_per_second);
  // "24", "23.98" or "24000/1001". Errors: spec.bad_rate, spec.out_of_range.
  static base::Result<FrameRate> parse(std::string_view text);
};

inline constexpr double kFrameRateMax = 240;

}  // namespace framemill::jobs
