// What is due at a moment of the wall clock, which may be set while nothing happens: as long as anything is awaited, the
// clock is looked at every minute. Derived; nothing but holds and plans of people waits for the wall clock (promise P5).
#pragma once

#include <algorithm>
#include <set>
#include <utility>

#include "base/time.h"

namespace framemill::scheduler {

template <class Id>
class WallTimers {
 public:
  void add(base::WallTime moment, Id id, base::Now now) {
    moments_.emplace(moment, id);
    look_soon(now);
  }
  void erase(base::WallTime moment, Id id, base::Now now) {
    moments_.erase({moment, id});
    look_soon(now);
  }
  // When to look at the clock for the first of them; kNever: nothing is awaited.
  base::Instant next_look() const { return next_look_; }
  // Whoever looked and left the rest for later says so.
  void look_soon(base::Now now) {
    next_look_ = base::kNever;
    if (moments_.empty()) return;
    const base::Duration left{moments_.begin()->first.unix_ms - now.wall.unix_ms};
    next_look_ = now.monotonic + std::clamp(left, base::Duration{}, kLookEvery);
  }
  // After a restart: not in the first turn, which only puts back what was there.
  void look_after_restart(base::Now now) {
    if (next_look_ != base::kNever) next_look_ = std::max(next_look_, now.monotonic + kFirstLook);
  }
  Id first() const { return moments_.begin()->second; }
  const std::set<std::pair<base::WallTime, Id>>& all() const { return moments_; }

 private:
  static constexpr base::Duration kLookEvery = base::seconds(60), kFirstLook = base::seconds(1);
  std::set<std::pair<base::WallTime, Id>> moments_;
  base::Instant next_look_ = base::kNever;
};

}  // namespace framemill::scheduler
