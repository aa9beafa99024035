// What people ask of the core's loop, on its way there: bounded, and served a bounded time per turn of the loop, so that
// reports of workers, deadlines and the watchdog get theirs in between however much is asked. Changes go before reads;
// reads come in pieces, take turns, and get a small share of the loop's time at most. add_*() may be called from any
// thread, the rest is the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "net/event_loop.h"

namespace framemill::scheduler {

class RequestQueue {
 public:
  struct Limits {
    std::size_t changes_max = 256, reads_max = 512;  // waiting; more are refused
    std::chrono::microseconds turn_time{2000};       // of the loop, before others get their turn
    int read_pause = 19;  // times as long as a piece of a read took, before the next: a twentieth of the loop's time
  };
  enum class Next { Done, Again };
  using Change = std::function<void()>;
  using Piece = std::function<Next()>;  // one short piece of a read; Again: it takes another turn

  explicit RequestQueue(net::EventLoop& loop) : RequestQueue(loop, Limits()) {}
  RequestQueue(net::EventLoop& loop, Limits limits);
  ~RequestQueue();
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  // False: too many wait already, and this one will not be served.
  [[nodiscard]] bool add_change(Change change);
  [[nodiscard]] bool add_read(Piece piece);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace framemill::scheduler
