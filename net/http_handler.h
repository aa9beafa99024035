// What the user of an HTTP server gives it and gets from it: the function that answers, the one that lets requests in, and
// the handles by which an answer or a stream of events is sent, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace framemill::net {

// A reply that goes on: text/event-stream and the like. Any thread. Dropping the last handle closes the stream.
class HttpStream {
 public:
  struct State;
  explicit HttpStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  // False when the client has gone, or was dropped because it did not read what was written before.
  bool write(std::string_view bytes);
  void close();
  bool closed() const;
  // Called once, on the server's loop, when the stream has ended for whatever reason (at once if it already has).
  void on_closed(std::function<void()> function);

 private:
  std::shared_ptr<State> state_;
};

// The one answer to one request. A handle: copies answer the same request, the first answer counts. Any thread. If the
// last copy is destroyed unanswered, the client gets a 500.
class Responder {
 public:
  struct State;
  Responder() = default;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void send(HttpResponse response) const;
  // Sends status and headers at once (the body of `head` too, as the first piece) and leaves the rest to the stream.
  std::shared_ptr<HttpStream> start_stream(HttpResponse head) const;

 private:
  std::shared_ptr<State> state_;
};

// What is known of a request when its header is there and its body is not.
struct HttpAdmission {
  std::optional<HttpResponse> refusal;  // sent at once; the body is never read
  std::string client;                   // who proved to be asking, the same text each time; empty: a stranger
  bool takes_body = true;               // false: a body is refused (413)
};

struct HttpServerCounters {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // beyond connections_max
  std::uint64_t connections_evicted = 0;  // waiting ones that made room for new ones
  std::uint64_t connections_open = 0;
  std::uint64_t requests = 0;
  std::uint64_t requests_refused = 0;  // answered by the server itself, see above, or by the Admit function
  std::uint64_t streams_open = 0;
  std::uint64_t streams_dropped = 0;  // readers too slow
};

using HttpHandler = std::function<void(HttpRequest request, Responder respond)>;
// On the loop, with the request's head alone. Without one every request is let in, and nobody is a stranger.
using HttpAdmit = std::function<HttpAdmission(const HttpRequest& head)>;

}  // namespace framemill::net
