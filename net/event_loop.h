// A single-threaded event loop over asio::io_context: posted functions, timers, signals and readable descriptors, all
// called on the one thread that is inside run(). The daemons own one each; the HTTP server and the ZeroMQ sockets live
// on one. post() and stop() may be called from any thread; everything else belongs to the loop's thread, or to the
// thread that sets the loop up before run().
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/time.h"

namespace framemill::net {

using base::Timer;

// A watched descriptor. Destroying it ends the watch and leaves the descriptor open (it belongs to the caller, who must
// end the watch before closing it). It may outlive the loop. Loop thread only.
class FdWatch {
 public:
  struct State;
  FdWatch() = default;
  explicit FdWatch(std::weak_ptr<State> state) : state_(std::move(state)) {}
  ~FdWatch() { cancel(); }
  FdWatch(FdWatch&&) noexcept = default;
  FdWatch& operator=(FdWatch&& other) noexcept;
  void cancel();

 private:
  std::weak_ptr<State> state_;  // the loop owns it
};

class EventLoop : public base::Loop {
 public:
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(), also when nothing is pending. What was posted before stop() may stay unrun. May be called again.
  void run();
  // Runs what is ready and waits for more until the time is over; for tests and for draining.
  void run_for(base::Duration time);
  void stop();

  base::Now now() const override { return base::now(); }
  void post(std::function<void()> function) override;
  [[nodiscard]] Timer call_after(base::Duration delay, std::function<void()> function) override;
  // Replaces the process's disposition of the signal; one function per signal and loop, called each time it arrives.
  void on_signal(int signal_number, std::function<void()> function);
  // Calls while the descriptor is readable (or has hung up), once per turn.
  [[nodiscard]] FdWatch watch_fd(int descriptor, std::function<void()> readable);

  bool in_loop_thread() const;

  struct Impl;
  // For the rest of this room.
  const std::shared_ptr<Impl>& impl() const { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace framemill::net
