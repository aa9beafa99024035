// An event loop on a thread of its own, and a way to do something on it and wait for that. For tests.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "net/event_loop.h"

namespace framemill::net::testing {

class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() {
    loop.stop();
    thread_.join();
  }

  template <class Function>
  auto on_loop(Function function) {
    using R = decltype(function());
    auto task = std::make_shared<std::packaged_task<R()>>(std::move(function));
    auto result = task->get_future();
    loop.post([task] { (*task)(); });
    return result.get();
  }

  EventLoop loop;

 private:
  std::thread thread_;
};

// Asks until it is true; false after the time.
inline bool eventually(const std::function<bool()>& condition, int ms_max = 10'000) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms_max);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

}  // namespace framemill::net::testing
