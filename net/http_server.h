// An HTTP/1.1 server on Beast, for TCP and Unix sockets. It lives on an EventLoop that the caller chose and runs: the
// handler is called there, and open(), stop() and the destructor belong to that thread (or before run()). The handler
// gets a Responder, which may be kept, moved to other threads and answered later from there; so may the HttpStream of
// an event stream. Everything that comes in is bounded by HttpLimits. Requests of one connection are answered in order,
// one at a time.
//
// Refusals that the handler never sees: 400 bad syntax, 408 too slow, 413 body too large, 429 too many requests of one
// client, 431 header too large, 501 a transfer encoding that is not "chunked", 503 too many bodies in flight, 505 not
// HTTP/1; each with the house's error body, and the connection ends after it.
//
// With an Admit function the server asks, before it reads a body, who sends the request. A connection without a proved
// client is a stranger's: it has little time, and when there is no more room the oldest stranger that waits goes first.
//
// Errors: net.bind, net.not_loopback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http_message.h"

namespace framemill::net {

class EventLoop;

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1 << 20;
  std::size_t bodies_bytes_max = 64 << 20;           // of all connections together
  std::size_t connections_max = 1024;                // beyond it a waiting one is closed, or the new one gets a 503
  std::size_t stream_buffer_bytes_max = 256 * 1024;  // unsent bytes per stream; a reader that lags more is dropped
  base::Duration header_timeout = base::seconds(5);  // from the first byte, a stranger's from the connection's start
  base::Duration body_timeout = base::seconds(30);
  base::Duration idle_timeout = base::seconds(60);   // between requests; a stranger has header_timeout
  base::Duration write_timeout = base::seconds(30);  // per reply, and per piece of a stream
  // Of one address (IPv6: of its /64 network; a Unix socket: of one user), counting strangers alone.
  std::size_t connections_per_address_max = 256;
  double requests_per_address_per_s = 20;
  // Of one client that the Admit function named.
  std::size_t connections_per_client_max = 128;
  std::size_t requests_per_client_max = 32;  // being answered at once
  double requests_per_client_per_s = 200;
  std::size_t bodies_per_client_bytes_max = 8 << 20;
};

struct HttpServerOptions {
  // "127.0.0.1:0", "[::1]:8080" or "unix:/run/framemill/http.sock" (made with `unix_mode`; a stale one is replaced).
  std::string listen = "127.0.0.1:0";
  bool allow_remote = false;  // without it an address beyond loopback is refused
  unsigned unix_mode = 0600;
  HttpLimits limits;
};

// What open() would refuse of the address without trying it: its form, and an address beyond loopback where that was not
// allowed. Errors: net.bind, net.not_loopback.
base::Status check_listen_address(const HttpServerOptions& options);

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

class HttpServer {
 public:
  using Handler = std::function<void(HttpRequest request, Responder respond)>;
  // On the loop, with the request's head alone. Without one every request is let in, and nobody is a stranger.
  using Admit = std::function<HttpAdmission(const HttpRequest& head)>;

  static base::Result<std::unique_ptr<HttpServer>> open(EventLoop& loop, HttpServerOptions options, Handler handler,
                                                        Admit admit = nullptr);
  ~HttpServer();  // closes everything at once

  // "http://127.0.0.1:40123" or "unix:/run/framemill/http.sock": what HttpClient takes.
  const std::string& url() const;
  std::uint16_t port() const;           // 0 for a Unix socket
  HttpServerCounters counters() const;  // loop thread
  // Accepts no more, closes idle connections and streams, lets running requests finish for `grace`, then cuts them;
  // calls `done` on the loop.
  void stop(base::Duration grace, std::function<void()> done);

 private:
  struct Impl;
  HttpServer(std::shared_ptr<void> loop, std::shared_ptr<Impl> impl);
  std::shared_ptr<void> loop_;  // outlives the sockets
  std::shared_ptr<Impl> impl_;
};

}  // namespace framemill::net
