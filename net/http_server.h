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
#include "net/http_handler.h"
#include "net/http_limits.h"
#include "net/http_message.h"

namespace framemill::net {

class EventLoop;

struct HttpServerOptions {
  // "127.0.0.1:0", "[::1]:8080" or "unix:/run/framemill/http.sock" (made with `unix_mode`; a stale one is replaced).
  std::string listen = "127.0.0.1:0";
  bool allow_remote = false;  // without it an address beyond loopback is refused
  unsigned unix_mode = 0600;
  std::string unix_group{};  // of the socket: whoever may connect through the group's bits; empty: as it is made
  HttpLimits limits;
};

// What open() would refuse of the address without trying it: its form, an address beyond loopback where that was not
// allowed, a socket in a directory where this user can make none, or for a group that it is not in. Errors: net.bind,
// net.not_loopback.
base::Status check_listen_address(const HttpServerOptions& options);

class HttpServer {
 public:
  using Handler = HttpHandler;
  using Admit = HttpAdmit;

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
