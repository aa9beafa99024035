// One thread with a bounded queue for work that waits for storage (fsync, digests, links), so that the loop never does.
// submit() may be called from any thread; jobs run in order; what they found out they post back to the loop themselves.
// Storage may hang: busy_for() says how long the present job has run, and leave() goes without waiting for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "base/time.h"

namespace framemill::worker {

class IoThread {
 public:
  static constexpr std::size_t kQueueMax = 16'384;

  IoThread();
  ~IoThread();  // runs what is queued, then ends
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // False: the queue is full, or the thread was left, and the job was not taken.
  bool submit(std::function<void()> job);
  base::Duration busy_for() const;  // 0: it waits for a job
  // Processor time that it has used, in microseconds: it moves while files are read, and not while storage hangs.
  std::uint64_t processor_us() const;
  // Drops what is queued and lets the present job end by itself, whenever that is. The destructor waits no more. A job
  // must own, or outlive, all it touches.
  void leave();

 private:
  struct Queue;
  static void run(const std::shared_ptr<Queue>& queue);
  std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace framemill::worker
