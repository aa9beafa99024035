#include "scheduler/daemon/request_queue.h"

#include <utility>

namespace framemill::scheduler {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

// Handlers on the loop own the state: a queue that is destroyed leaves turns behind that find nothing to do.
struct RequestQueue::State : std::enable_shared_from_this<RequestQueue::State> {
  State(net::EventLoop& l, Limits given) : loop(l), limits(given) {}

  template <class Request>
  bool add(std::deque<Request>& queue, std::size_t most, Request request) {
    std::lock_guard lock(mutex);
    if (closed || queue.size() >= most) return false;
    queue.push_back(std::move(request));
    post_turn();
    return true;
  }

  void post_turn() {  // the mutex is held
    if (std::exchange(turn_posted, true)) return;
    loop.post([self = shared_from_this()] { self->turn(); });
  }

  template <class Request>
  bool take(std::deque<Request>& queue, Request& out) {
    std::lock_guard lock(mutex);
    if (queue.empty()) return false;
    out = std::move(queue.front());
    queue.pop_front();
    return true;
  }

  void turn() {
    const auto end = Clock::now() + limits.turn_time;
    do {
      if (!serve_one()) break;
    } while (Clock::now() < end);
    std::lock_guard lock(mutex);
    turn_posted = false;
    if (closed) return;
    const auto now = Clock::now();
    if (!changes.empty() || (!reads.empty() && now >= reads_from)) return post_turn();
    if (reads.empty()) return;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(reads_from - now);
    reads_timer = loop.call_after(base::milliseconds(wait.count()), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      std::lock_guard relock(self->mutex);
      if (!self->closed) self->post_turn();
    });
  }

  bool serve_one() {
    if (Change change; take(changes, change)) {
      change();
      return true;
    }
    Piece piece;
    const auto started = Clock::now();
    if (started < reads_from || !take(reads, piece)) return false;
    const Next next = piece();
    const auto ended = Clock::now();
    reads_from = ended + limits.read_pause * (ended - started);
    if (next == Next::Done) return true;
    std::lock_guard lock(mutex);
    if (!closed) reads.push_back(std::move(piece));
    return true;
  }

  net::EventLoop& loop;
  const Limits limits;
  Clock::time_point reads_from;  // before it no read has its turn; this and the next: loop thread
  net::Timer reads_timer;

  std::mutex mutex;
  std::deque<Change> changes;
  std::deque<Piece> reads;
  bool turn_posted = false;
  bool closed = false;
};

RequestQueue::RequestQueue(net::EventLoop& loop, Limits limits) : state_(std::make_shared<State>(loop, limits)) {}

RequestQueue::~RequestQueue() {
  std::deque<Change> changes;
  std::deque<Piece> reads;
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  changes.swap(state_->changes);
  reads.swap(state_->reads);
}

bool RequestQueue::add_change(Change change) {
  return state_->add(state_->changes, state_->limits.changes_max, std::move(change));
}
bool RequestQueue::add_read(Piece piece) {
  return state_->add(state_->reads, state_->limits.reads_max, std::move(piece));
}

}  // namespace framemill::scheduler
