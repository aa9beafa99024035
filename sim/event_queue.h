// Virtual time: what is to happen, in order of its moment and, within one, of its announcement. Nothing here waits. One
// World owns the one queue; whoever announces something for a process that may die by then checks that it still lives.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/time.h"

namespace framemill::sim {

class EventQueue {
 public:
  base::Instant now() const { return now_; }
  void at(base::Instant when, std::function<void()> what) {
    waiting_.emplace(std::pair{when < now_ ? now_ : when, ++announced_}, std::move(what));
  }
  void after(base::Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }

  bool empty() const { return waiting_.empty(); }
  base::Instant next() const { return waiting_.empty() ? base::kNever : waiting_.begin()->first.first; }
  // Lets the next thing happen; there is one.
  void step() {
    auto first = waiting_.extract(waiting_.begin());
    now_ = first.key().first;
    ++happened_;
    first.mapped()();
  }
  std::uint64_t happened() const { return happened_; }

 private:
  base::Instant now_{1'000'000};
  std::map<std::pair<base::Instant, std::uint64_t>, std::function<void()>> waiting_;
  std::uint64_t announced_ = 0, happened_ = 0;
};

}  // namespace framemill::sim
