#include "scheduler/daemon/search_queue.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace framemill::scheduler {

// Searches under way own it: one that ends after the queue finds it closed.
struct SearchQueue::State : std::enable_shared_from_this<SearchQueue::State> {
  explicit State(Limits given) : limits(given) {}

  // One thread at a time begins searches; who finds another at it leaves them to it. So one that ends at once does not
  // begin the next from within its own end.
  void begin_some() {
    std::unique_lock lock(mutex);
    if (std::exchange(beginning, true)) return;
    while (!closed && running < limits.running_max && !waiting.empty()) {
      const Search search = std::move(waiting.front());
      waiting.pop_front();
      ++running;
      lock.unlock();
      search([self = shared_from_this(), over = false](const Answer& answer) mutable {
        if (!std::exchange(over, true)) self->end(answer);
      });
      lock.lock();
    }
    beginning = false;
  }

  void end(const Answer& answer) {
    {
      const std::lock_guard lock(mutex);
      --running;
      if (closed) return;
      ++answering;
    }
    answer();
    {
      const std::lock_guard lock(mutex);
      if (--answering == 0) quiet.notify_all();
    }
    begin_some();
  }

  const Limits limits;
  std::mutex mutex;
  std::condition_variable quiet;
  std::deque<Search> waiting;
  std::size_t running = 0, answering = 0;
  bool beginning = false, closed = false;
};

SearchQueue::SearchQueue(Limits limits) : state_(std::make_shared<State>(limits)) {}
SearchQueue::~SearchQueue() {
  close();
}

bool SearchQueue::add(Search search) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed || state_->waiting.size() >= state_->limits.waiting_max) return false;
    state_->waiting.push_back(std::move(search));
  }
  state_->begin_some();
  return true;
}

void SearchQueue::close() {
  std::deque<Search> dropped;  // given back outside the lock
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  dropped.swap(state_->waiting);
  state_->quiet.wait(lock, [this] { return state_->answering == 0; });
}

}  // namespace framemill::scheduler
