#include "worker/supervisor/io_thread.h"

#include <pthread.h>

#include <condition_variable>
#include <csignal>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace framemill::worker {

struct IoThread::Queue {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool ending = false;
  std::optional<base::Instant> began;  // the present job
  std::optional<clockid_t> clock;      // of the thread's processor time
};

IoThread::IoThread() : queue_(std::make_shared<Queue>()) {
  // Signals belong to the loop's thread.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([queue = queue_] { run(queue); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

IoThread::~IoThread() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->ending = true;
  }
  queue_->wake.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool IoThread::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(queue_->mutex);
    if (queue_->ending || queue_->jobs.size() >= kQueueMax) return false;
    queue_->jobs.push_back(std::move(job));
  }
  queue_->wake.notify_one();
  return true;
}

base::Duration IoThread::busy_for() const {
  const std::lock_guard lock(queue_->mutex);
  return queue_->began ? base::monotonic_now() - *queue_->began : base::Duration{};
}

std::uint64_t IoThread::processor_us() const {
  const std::lock_guard lock(queue_->mutex);
  timespec time{};
  if (!queue_->clock || ::clock_gettime(*queue_->clock, &time) != 0) return 0;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

void IoThread::leave() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->ending = true;
    queue_->jobs.clear();
  }
  queue_->wake.notify_one();
  if (thread_.joinable()) thread_.detach();
}

void IoThread::run(const std::shared_ptr<Queue>& queue) {
  std::unique_lock lock(queue->mutex);
  if (clockid_t clock{}; ::pthread_getcpuclockid(::pthread_self(), &clock) == 0) queue->clock = clock;
  while (true) {
    queue->wake.wait(lock, [&] { return queue->ending || !queue->jobs.empty(); });
    if (queue->jobs.empty()) return;
    std::function<void()> job = std::move(queue->jobs.front());
    queue->jobs.pop_front();
    queue->began = base::monotonic_now();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    queue->began.reset();
  }
}

}  // namespace framemill::worker
