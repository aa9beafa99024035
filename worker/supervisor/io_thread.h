// One thread with a bounded queue for work that waits for storage (fsync, digests, links), so that the loop never does.
// submit() may be called from any thread; jobs run in order; what they found out they post back to the loop themselves.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace framemill::worker {

class IoThread {
 public:
  static constexpr std::size_t kQueueMax = 16'384;

  IoThread();
  ~IoThread();  // runs what is queued, then ends
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // False: the queue is full and the job was not taken.
  bool submit(std::function<void()> job);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace framemill::worker
