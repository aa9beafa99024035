// Private to the room: one connection of the HTTP server, a coroutine on the loop's thread that reads a request, waits
// for its answer and writes it, again and again. The server keeps the list of connections and what they share.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/event_loop_impl.h"
#include "net/http_gate.h"
#include "net/http_handler.h"
#include "net/http_limits.h"

namespace framemill::net {

class HttpConnection;

// What a server's connections share. Loop thread only.
struct HttpShared {
  explicit HttpShared(const std::shared_ptr<EventLoop::Impl>& impl) : loop(impl), io(impl->io) {}
  // Not an owner: connections live in the loop's coroutines, which the loop takes along when it ends.
  std::weak_ptr<EventLoop::Impl> loop;
  boost::asio::io_context& io;
  HttpLimits limits;
  HttpHandler handler;
  HttpAdmit admit;
  HttpGate gate{limits};
  HttpServerCounters counters;
  std::size_t bodies_bytes = 0;  // promised to bodies that are being read or answered
  bool stopping = false;
  std::uint64_t last_connection = 0;
  // By age, the oldest first; each is in here from its construction to its end.
  std::map<std::uint64_t, HttpConnection*> connections;
  std::function<void()> on_empty;  // called when the last connection has gone

  // Before a connection from there is taken in: closes one that waits if there would be too many. False: all are at work.
  bool make_room(const std::string& network);

 private:
  template <class Wanted>
  bool evict_oldest(Wanted wanted);
};

// The mailbox between a stream's writer, on any thread, and its connection.
struct HttpStream::State {
  std::weak_ptr<EventLoop::Impl> loop;
  std::weak_ptr<HttpConnection> connection;
  std::size_t buffer_bytes_max = 0;

  std::mutex mutex;
  std::string pending;              // not yet taken by the connection
  std::size_t in_flight_bytes = 0;  // taken, not yet accepted by the socket
  bool wake_posted = false;
  bool closing = false;   // by the writer: send what is pending, then end
  bool overflow = false;  // the reader lags too much
  bool ended = false;     // nothing will be sent any more
  std::function<void()> on_closed;

  void wake(std::unique_lock<std::mutex>& lock, const std::shared_ptr<State>& self);
  void end();  // loop thread
};

struct HttpAnswer {
  HttpResponse response;
  std::shared_ptr<HttpStream::State> stream;  // null for an ordinary reply
};

struct Responder::State {
  std::weak_ptr<EventLoop::Impl> loop;
  std::weak_ptr<HttpConnection> connection;
  std::uint64_t request_number = 0;
  std::size_t stream_buffer_bytes_max = 0;
  std::mutex mutex;
  bool answered = false;

  ~State();
  bool claim();  // true for the first who answers
  void deliver(HttpAnswer answer);
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<HttpShared> shared, boost::asio::generic::stream_protocol::socket socket,
                 HttpPeer peer);
  ~HttpConnection();

  void start();
  void finish();  // after the running request; at once when idle or streaming
  void cut();
  void evict();  // cuts it and counts it no more

  // No request that was let in is at work.
  bool waits() const { return !at_work_; }
  bool is_stranger() const { return shared_->admit && client_.empty(); }
  const HttpPeer& peer() const { return peer_; }
  void answer(std::uint64_t request_number, HttpAnswer answer);
  void wake_stream();

 private:
  struct Wire;  // the Beast stream and its buffer
  enum class Next { Again, End };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void leave();
  void end_work();
  void end_answer();
  bool belong_to(const std::string& client);
  base::Duration header_time() const;
  std::optional<HttpResponse> admit(const HttpRequest& head, std::size_t body_bytes);
  void start_deadline(base::Duration time);
  bool end_deadline();  // whether it had passed
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<Next> serve_one();
  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<boost::system::error_code> read_body(Parser& parser);
  boost::asio::awaitable<void> refuse(HttpResponse response);
  boost::asio::awaitable<bool> write_reply(HttpResponse response, bool is_head, bool keep_alive);
  boost::asio::awaitable<void> write_stream(HttpAnswer& answer, bool is_head, bool chunked);
  boost::asio::awaitable<void> watch_for_end();
  boost::asio::awaitable<void> close_gently();

  std::shared_ptr<HttpShared> shared_;
  std::unique_ptr<Wire> wire_;
  HttpPeer peer_;
  const std::uint64_t number_;
  std::string client_;                  // as the Admit function named it; empty: a stranger
  base::Instant waits_since_;           // the connection's start, or the end of its last request
  boost::asio::steady_timer answered_;  // never expires; cancelled to wake the coroutine
  boost::asio::steady_timer deadline_;
  std::uint64_t deadline_number_ = 0;
  bool too_slow_ = false;
  std::uint64_t request_number_ = 0;
  std::optional<HttpAnswer> answer_;
  std::shared_ptr<HttpStream::State> stream_;
  std::size_t body_bytes_reserved_ = 0;
  bool answer_counts_ = false;  // in the gate
  bool at_work_ = false;
  bool idle_ = true;
  bool closed_ = false;
};

}  // namespace framemill::net
