// Time as values. Pure code takes Now as an argument and never asks a clock (promise P5): monotonic time orders leases and
// retries, wall time is for people and for ranking. The clocks themselves are in base/clock.h, for the shells.
#pragma once

#include <compare>
#include <cstdint>

namespace framemill::base {

// A length of time in milliseconds; may be negative as a difference.
struct Duration {
  std::int64_t ms = 0;
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration o) const { return {ms + o.ms}; }
  constexpr Duration operator-(Duration o) const { return {ms - o.ms}; }
  constexpr Duration operator*(std::int64_t k) const { return {ms * k}; }
  constexpr Duration operator/(std::int64_t k) const { return {ms / k}; }
};
constexpr Duration milliseconds(std::int64_t n) {
  return {n};
}
constexpr Duration seconds(std::int64_t n) {
  return {n * 1000};
}

// A point on a monotonic clock, milliseconds since an arbitrary start; meaningless in another process.
struct Instant {
  std::int64_t ms = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return {ms + d.ms}; }
  constexpr Instant operator-(Duration d) const { return {ms - d.ms}; }
  constexpr Duration operator-(Instant o) const { return {ms - o.ms}; }
};
constexpr Instant kNever{INT64_MAX};

// Milliseconds since 1970-01-01T00:00:00Z.
struct WallTime {
  std::int64_t unix_ms = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
};

struct Now {
  Instant monotonic;
  WallTime wall;
};

}  // namespace framemill::base
