// The mailboxes between those who answer, on any thread, and the connections on the loop.
#include <boost/asio/post.hpp>
#include <utility>

#include "net/http_connection.h"

namespace framemill::net {

namespace asio = boost::asio;

void HttpStream::State::wake(std::unique_lock<std::mutex>& lock, const std::shared_ptr<State>& self) {
  if (std::exchange(wake_posted, true)) return;
  lock.unlock();
  if (auto strong = loop.lock()) {
    asio::post(strong->io, [self] {
      {
        std::lock_guard guard(self->mutex);
        self->wake_posted = false;
      }
      if (auto target = self->connection.lock()) target->wake_stream();
    });
  }
}

void HttpStream::State::end() {
  std::function<void()> function;
  {
    std::lock_guard lock(mutex);
    if (std::exchange(ended, true)) return;
    pending.clear();
    function = std::exchange(on_closed, nullptr);
  }
  if (function) function();
}

Responder::State::~State() {
  if (answered) return;
  deliver({error_response(500, {"http.no_answer", "the server gave no answer to this request", "", ""}), nullptr});
}

bool Responder::State::claim() {
  std::lock_guard lock(mutex);
  return !std::exchange(answered, true);
}

void Responder::State::deliver(HttpAnswer answer) {
  auto strong = loop.lock();
  if (!strong) return;
  auto shared_answer = std::make_shared<HttpAnswer>(std::move(answer));
  asio::post(strong->io, [target = connection, number = request_number, shared_answer] {
    if (auto alive = target.lock()) {
      alive->answer(number, std::move(*shared_answer));
    } else if (shared_answer->stream) {
      shared_answer->stream->end();
    }
  });
}

}  // namespace framemill::net
