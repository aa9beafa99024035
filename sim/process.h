// A process of the farm as the outside knows it: it lives, dies and begins anew, and may stand still for a while (a machine
// that was asleep, a stalled disk). It is the loop that the product's shells run on: what was posted or put off dies with
// the process and waits while it stands still. Each life has a monotonic clock of its own; the wall clock is the host's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/loop.h"
#include "sim/event_queue.h"

namespace framemill::sim {

class Process final : public base::Loop {
 public:
  explicit Process(EventQueue& time) : time_(time) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool alive() const { return alive_; }
  void begin_life(base::Duration clock_offset) {
    alive_ = true;
    ++life_;
    clock_offset_ = clock_offset;
    still_until_ = time_.now();
  }
  void end_life() { alive_ = false; }
  void stand_still(base::Duration length) { still_until_ = std::max(still_until_, time_.now() + length); }
  base::Instant still_until() const { return still_until_; }
  void wall_jumps(base::Duration by) { wall_ = wall_ + by; }

  // Unless it has died by then; when it stands still then, as soon as it goes on.
  void after(base::Duration wait, std::function<void()> what) {
    at_life(time_.now() + std::max(wait, base::Duration{0}), life_, std::move(what));
  }

  base::Now now() const override {
    return {time_.now() + clock_offset_, {kWallStart + (time_.now() - base::Instant{}).ms + wall_.ms}};
  }
  void post(std::function<void()> function) override { after(base::Duration{0}, std::move(function)); }
  [[nodiscard]] base::Timer call_after(base::Duration delay, std::function<void()> function) override {
    const auto call = std::make_shared<Call>();
    after(delay, [call, function = std::move(function)] {
      if (!std::exchange(call->over, true)) function();
    });
    return base::Timer(call);
  }

 private:
  static constexpr std::int64_t kWallStart = 1'800'000'000'000;
  struct Call final : base::Timer::Call {
    void cancel() override {}  // its moment passes without it
  };
  void at_life(base::Instant when, std::uint64_t life, std::function<void()> what) {
    time_.at(when, [this, life, what = std::move(what)]() mutable {
      if (!alive_ || life != life_) return;
      if (time_.now() < still_until_) return at_life(still_until_, life, std::move(what));
      what();
    });
  }

  EventQueue& time_;
  bool alive_ = false;
  std::uint64_t life_ = 0;  // counts them
  base::Instant still_until_{};
  base::Duration clock_offset_{}, wall_{};
};

}  // namespace framemill::sim
