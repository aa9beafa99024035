#include "net/event_loop.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "net/event_loop_impl.h"

namespace framemill::net {

namespace asio = boost::asio;
using boost::system::error_code;

// Handlers on the loop own the states, handles only watch them: a loop that is destroyed takes its states along, and a
// handle that outlives it finds nothing.
namespace {

struct PendingCall : Timer::Call {
  explicit PendingCall(asio::io_context& io) : timer(io) {}
  void cancel() override { timer.cancel(); }
  asio::steady_timer timer;
};

}  // namespace

struct FdWatch::State : std::enable_shared_from_this<FdWatch::State> {
  State(asio::io_context& io, int fd, std::function<void()> f) : descriptor(io, fd), readable(std::move(f)) {}
  // The descriptor is the caller's: asio must not close it.
  ~State() {
    if (descriptor.is_open()) descriptor.release();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code error) {
      if (error || self->cancelled) return;
      self->readable();
      if (!self->cancelled) self->wait();
    });
  }

  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable;
  bool cancelled = false;
};

FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void FdWatch::cancel() {
  if (auto state = state_.lock(); state && !state->cancelled) {
    state->cancelled = true;
    state->descriptor.release();
  }
  state_.reset();
}

EventLoop::EventLoop() : impl_(std::make_shared<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->thread = std::this_thread::get_id();
  impl_->io.run();
  impl_->thread = std::thread::id();
  // Only now, so that a stop() that came before run() is not lost.
  impl_->io.restart();
}

void EventLoop::run_for(base::Duration time) {
  impl_->thread = std::this_thread::get_id();
  impl_->io.run_for(std::chrono::milliseconds(time.ms));
  impl_->thread = std::thread::id();
  if (impl_->io.stopped()) impl_->io.restart();
}

void EventLoop::stop() {
  impl_->io.stop();
}

void EventLoop::post(std::function<void()> function) {
  asio::post(impl_->io, std::move(function));
}

Timer EventLoop::call_after(base::Duration delay, std::function<void()> function) {
  auto call = std::make_shared<PendingCall>(impl_->io);
  call->timer.expires_after(std::chrono::milliseconds(delay.ms));
  call->timer.async_wait([call, function = std::move(function)](error_code error) {
    // A timer that had fired before it was cancelled still comes by here without an error.
    if (error || std::exchange(call->over, true)) return;
    function();
  });
  return Timer(call);
}

void EventLoop::on_signal(int signal_number, std::function<void()> function) {
  auto& signal = impl_->signals.emplace_back(impl_->io, signal_number);
  signal.function = std::move(function);
  // Signals live as long as the loop, which owns the handlers too: no shared ownership is needed.
  struct Wait {
    static void again(Impl::Signal& s) {
      s.set.async_wait([&s](error_code error, int) {
        if (error) return;
        s.function();
        again(s);
      });
    }
  };
  Wait::again(signal);
}

FdWatch EventLoop::watch_fd(int descriptor, std::function<void()> readable) {
  auto state = std::make_shared<FdWatch::State>(impl_->io, descriptor, std::move(readable));
  state->wait();
  return FdWatch(state);
}

bool EventLoop::in_loop_thread() const {
  return impl_->thread.load() == std::this_thread::get_id();
}

}  // namespace framemill::net
