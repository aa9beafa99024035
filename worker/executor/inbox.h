// The step loop's one door: a bounded queue that the reader thread and the lanes fill and the loop drains
// at each step boundary. What comes from outside waits for room (so the pipe pushes back on the worker); results of the
// loop's own jobs always fit, because the loop bounds how many jobs it has out.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace framemill::worker {

template <class Message>
class Inbox {
 public:
  explicit Inbox(std::size_t outside_max) : outside_max_(outside_max) {}

  // Waits for room. False once the inbox is closed.
  bool put_outside(Message message) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || outside_ < outside_max_; });
    if (closed_) return false;
    ++outside_;
    messages_.emplace_back(true, std::move(message));
    filled_.notify_one();
    return true;
  }

  void put_own(Message message) {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(false, std::move(message));
    filled_.notify_one();
  }

  // All that is there, waiting at most `patience` for the first.
  std::vector<Message> take(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (patience.count() > 0) filled_.wait_for(lock, patience, [&] { return !messages_.empty(); });
    std::vector<Message> taken;
    for (auto& [outside, message] : messages_) taken.push_back(std::move(message));
    messages_.clear();
    outside_ = 0;
    room_.notify_all();
    return taken;
  }

  // Lets go of everyone who waits for room.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    room_.notify_all();
  }

 private:
  const std::size_t outside_max_;
  std::mutex mutex_;
  std::condition_variable filled_, room_;
  std::deque<std::pair<bool, Message>> messages_;
  std::size_t outside_ = 0;
  bool closed_ = false;
};

}  // namespace framemill::worker
