// A thread's queue and clock as a port: what the shells post, put off and read the time from. The daemons run on
// net::EventLoop; tests and the simulation on a loop with virtual time. post() may be called from any thread, the rest
// belongs to the loop's own.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/time.h"

namespace framemill::base {

// A call that was put off. Destroying or reassigning it cancels the call; it may outlive the loop.
class Timer {
 public:
  struct Call {  // the loop's side
    virtual ~Call() = default;
    virtual void cancel() = 0;  // once
    bool over = false;          // called or cancelled
  };
  Timer() = default;
  explicit Timer(std::weak_ptr<Call> call) : call_(std::move(call)) {}
  ~Timer() { cancel(); }
  Timer(Timer&&) noexcept = default;
  Timer& operator=(Timer&& other) noexcept {
    if (this == &other) return *this;
    cancel();
    call_ = std::move(other.call_);
    return *this;
  }

  void cancel() {
    if (const auto call = call_.lock(); call && !std::exchange(call->over, true)) call->cancel();
    call_.reset();
  }
  bool pending() const {
    const auto call = call_.lock();
    return call && !call->over;
  }

 private:
  std::weak_ptr<Call> call_;  // the loop owns it
};

class Loop {
 public:
  virtual ~Loop() = default;
  virtual Now now() const = 0;
  // Calls in the order of posting, never from within post().
  virtual void post(std::function<void()> function) = 0;
  // Calls once, not before the delay is over; a delay of zero or less calls on the next turn.
  [[nodiscard]] virtual Timer call_after(Duration delay, std::function<void()> function) = 0;
};

}  // namespace framemill::base
