#include "net/http_connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_cat.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "net/await.h"

namespace framemill::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// Read and thrown away after a refusal, so that the client gets to read why instead of a reset.
constexpr std::size_t kDiscardBytesMax = 4 << 20;
constexpr auto kDiscardTime = std::chrono::seconds(2);

std::chrono::milliseconds chrono_of(base::Duration time) {
  return std::chrono::milliseconds(time.ms);
}

HttpRequest request_of(http::request<http::string_body>&& message, const HttpPeer& peer) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.path = request.target.substr(0, request.target.find('?'));
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  request.peer = peer;
  return request;
}

// Throughout this file, what a co_await takes has a name first: GCC 12 destroys braced temporaries of such calls twice.

// A header's value may come from input: what could end its line and start another is dropped.
std::string header_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out += c;
  }
  return out;
}

template <class Message>
void set_head(Message& message, const HttpResponse& response) {
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  if (!response.content_type.empty()) message.set(http::field::content_type, header_value(response.content_type));
  for (const auto& [name, value] : response.headers) message.set(name, header_value(value));
}

struct Refusal {
  int status;
  base::Error error;
};

Refusal refusal_of(error_code error, const HttpLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {431,
            {"http.header_too_large",
             "the request's header is larger than " + std::to_string(limits.header_bytes_max) + " bytes", "", ""}};
  }
  if (error == http::error::body_limit) {
    return {413,
            {"http.too_large", "the request's body is larger than " + std::to_string(limits.body_bytes_max) + " bytes",
             "", ""}};
  }
  if (error == asio::error::timed_out) return {408, {"http.too_slow", "the request took too long to arrive", "", ""}};
  return {400, {"http.bad_request", "this is not a request of HTTP/1.1: " + error.message(), "", ""}};
}

// The peer has gone or the socket was closed: there is nobody to answer.
bool is_silent(error_code error) {
  return error == http::error::end_of_stream || error == http::error::partial_message || error == asio::error::eof ||
         error == asio::error::operation_aborted || error == asio::error::connection_reset ||
         error == asio::error::broken_pipe || error == asio::error::bad_descriptor ||
         error == asio::error::not_connected;
}

}  // namespace

// ---- The mailboxes ----

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

// ---- The connection ----

struct HttpConnection::Wire {
  explicit Wire(asio::generic::stream_protocol::socket socket, std::size_t buffer_bytes_max)
      : stream(std::move(socket)), buffer(buffer_bytes_max) {}
  // TLS will come behind this type; everything below speaks of a stream only.
  beast::basic_stream<asio::generic::stream_protocol, asio::any_io_executor> stream;
  beast::flat_buffer buffer;
};

HttpConnection::HttpConnection(std::shared_ptr<HttpShared> shared, asio::generic::stream_protocol::socket socket,
                               HttpPeer peer)
    : shared_(std::move(shared)),
      wire_(std::make_unique<Wire>(std::move(socket), shared_->limits.header_bytes_max + 65536)),
      peer_(std::move(peer)),
      answered_(shared_->io, asio::steady_timer::time_point::max()),
      deadline_(shared_->io) {
  shared_->connections.insert(this);
  shared_->counters.connections_open = shared_->connections.size();
}

HttpConnection::~HttpConnection() {
  leave();
}

void HttpConnection::leave() {
  auto& shared = *shared_;
  shared.bodies_bytes -= std::exchange(body_bytes_reserved_, 0);
  if (shared.connections.erase(this) == 0) return;
  shared.counters.connections_open = shared.connections.size();
  if (shared.connections.empty() && shared.on_empty) std::exchange(shared.on_empty, nullptr)();
}

void HttpConnection::start() {
  asio::co_spawn(
      shared_->io, [self = shared_from_this()] { return self->serve(); },
      [self = shared_from_this()](std::exception_ptr) {
        // An exception here is Beast's or the allocator's, and this connection's alone: it ends, the server goes on.
        self->cut();
        if (self->stream_) self->stream_->end();
        self->leave();
      });
}

void HttpConnection::finish() {
  if (idle_ || stream_) cut();
}

void HttpConnection::cut() {
  closed_ = true;
  wire_->stream.close();
  answered_.cancel();
}

void HttpConnection::answer(std::uint64_t request_number, HttpAnswer answer) {
  if (closed_ || request_number != request_number_ || answer_) {
    if (answer.stream) answer.stream->end();
    return;
  }
  answer_ = std::move(answer);
  answered_.cancel();
}

void HttpConnection::wake_stream() {
  if (!stream_) return;
  bool overflow = false;
  {
    std::lock_guard lock(stream_->mutex);
    overflow = stream_->overflow;
  }
  if (overflow && !closed_) {
    ++shared_->counters.streams_dropped;
    cut();
  }
  answered_.cancel();
}

asio::awaitable<void> HttpConnection::serve() {
  while (!closed_ && !shared_->stopping) {
    if (!co_await wait_for_request()) break;
    idle_ = false;
    const Next next = co_await serve_one();
    shared_->bodies_bytes -= std::exchange(body_bytes_reserved_, 0);
    if (next == Next::End) break;
    idle_ = true;
  }
}

// Beast's own timeout closes the socket; a slow request shall hear why, so its reading is cancelled instead.
void HttpConnection::start_deadline(base::Duration time) {
  wire_->stream.expires_never();
  too_slow_ = false;
  deadline_.expires_after(chrono_of(time));
  deadline_.async_wait([weak = weak_from_this(), number = ++deadline_number_](error_code error) {
    auto self = weak.lock();
    if (error || !self || self->deadline_number_ != number) return;
    self->too_slow_ = true;
    self->wire_->stream.cancel();
  });
}

bool HttpConnection::end_deadline() {
  ++deadline_number_;
  deadline_.cancel();
  return std::exchange(too_slow_, false);
}

// Between requests only the first byte is waited for, so that an idle connection is not a slow request.
asio::awaitable<bool> HttpConnection::wait_for_request() {
  if (wire_->buffer.size() > 0) co_return true;
  const bool first = request_number_ == 0;
  wire_->stream.expires_after(chrono_of(first ? shared_->limits.header_timeout : shared_->limits.idle_timeout));
  const auto [error, size] = co_await wire_->stream.async_read_some(wire_->buffer.prepare(4096), kAwait);
  if (error) co_return false;
  wire_->buffer.commit(size);
  co_return true;
}

asio::awaitable<HttpConnection::Next> HttpConnection::serve_one() {
  const HttpLimits& limits = shared_->limits;
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  parser.body_limit(limits.body_bytes_max);
  start_deadline(limits.header_timeout);
  auto [error, header_size] = co_await http::async_read_header(wire_->stream, wire_->buffer, parser, kAwait);
  if (!error && !parser.is_done()) {
    const std::size_t wanted = parser.content_length().value_or(limits.body_bytes_max);
    if (wanted > limits.bodies_bytes_max - std::min(shared_->bodies_bytes, limits.bodies_bytes_max)) {
      base::Error busy{"http.busy", "too many large requests at this moment", "", "try again in a second"};
      co_await refuse(503, std::move(busy));
      co_return Next::End;
    }
    body_bytes_reserved_ = wanted;
    shared_->bodies_bytes += wanted;
    start_deadline(limits.body_timeout);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, 11);
      co_await http::async_write(wire_->stream, go_on, kAwait);
    }
    const auto [body_error, body_size] = co_await http::async_read(wire_->stream, wire_->buffer, parser, kAwait);
    error = body_error;
  }
  if (end_deadline()) error = asio::error::timed_out;
  if (error) {
    if (!closed_ && !is_silent(error)) {
      Refusal refusal = refusal_of(error, limits);
      co_await refuse(refusal.status, std::move(refusal.error));
    }
    co_return Next::End;
  }

  const bool keep_alive = parser.keep_alive();
  const bool is_head = parser.get().method() == http::verb::head;
  const bool chunked = parser.get().version() >= 11;
  HttpRequest request = request_of(parser.release(), peer_);
  auto query =
      parse_query(std::string_view(request.target).substr(std::min(request.path.size() + 1, request.target.size())));
  if (request.path.empty() || request.path[0] != '/' || !query.ok()) {
    base::Error bad{"http.bad_target", "the address must begin with a slash", "", ""};
    if (!query.ok()) bad = query.error();
    co_await refuse(400, std::move(bad));
    co_return Next::End;
  }
  request.query = *std::move(query);
  ++shared_->counters.requests;
  ++request_number_;
  answer_.reset();
  if (!shared_->handler) co_return Next::End;  // the server has been destroyed
  {
    auto state = std::make_shared<Responder::State>();
    state->loop = shared_->loop;
    state->connection = weak_from_this();
    state->request_number = request_number_;
    state->stream_buffer_bytes_max = limits.stream_buffer_bytes_max;
    shared_->handler(std::move(request), Responder(std::move(state)));
  }
  while (!answer_ && !closed_) co_await answered_.async_wait(kAwait);
  if (closed_) co_return Next::End;

  HttpAnswer answer = *std::move(answer_);
  if (answer.stream) {
    co_await write_stream(answer, is_head, chunked);
    co_return Next::End;
  }
  const bool go_on = keep_alive && !shared_->stopping;
  const bool written = co_await write_reply(std::move(answer.response), is_head, go_on);
  if (written && go_on) co_return Next::Again;
  if (written) co_await close_gently();
  co_return Next::End;
}

asio::awaitable<void> HttpConnection::refuse(int status, base::Error error) {
  ++shared_->counters.requests_refused;
  HttpResponse response = error_response(status, error);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  if (co_await write_reply(std::move(response), false, false)) co_await close_gently();
}

asio::awaitable<bool> HttpConnection::write_reply(HttpResponse response, bool is_head, bool keep_alive) {
  http::response<http::string_body> message;
  set_head(message, response);
  message.keep_alive(keep_alive);
  const bool no_body = response.status == 204 || response.status == 304;
  if (!no_body) message.content_length(response.body.size());
  if (!is_head && !no_body) message.body() = std::move(response.body);
  http::response_serializer<http::string_body> serializer(message);
  wire_->stream.expires_after(chrono_of(shared_->limits.write_timeout));
  const auto [error, size] = co_await http::async_write(wire_->stream, serializer, kAwait);
  co_return !error;
}

asio::awaitable<void> HttpConnection::write_stream(HttpAnswer& answer, bool is_head, bool chunked) {
  http::response<http::empty_body> head;
  set_head(head, answer.response);
  head.keep_alive(false);
  if (chunked) head.chunked(true);
  stream_ = answer.stream;
  ++shared_->counters.streams_open;
  http::response_serializer<http::empty_body> serializer(head);
  wire_->stream.expires_after(chrono_of(shared_->limits.write_timeout));
  auto [error, head_size] = co_await http::async_write_header(wire_->stream, serializer, kAwait);
  if (!error && !is_head) {
    wire_->stream.expires_never();  // for the read that runs all the while; each write sets its own limit
    asio::co_spawn(
        shared_->io, [self = shared_from_this()] { return self->watch_for_end(); }, asio::detached);
  }
  while (!error && !closed_ && !is_head) {
    std::string piece;
    bool last = false;
    {
      std::lock_guard lock(stream_->mutex);
      piece.swap(stream_->pending);
      stream_->in_flight_bytes = piece.size();
      last = stream_->closing;
    }
    if (piece.empty() && last) {
      if (chunked) {
        wire_->stream.expires_after(chrono_of(shared_->limits.write_timeout));
        const auto last_chunk = http::make_chunk_last();
        co_await asio::async_write(wire_->stream, last_chunk, kAwait);
      }
      break;
    }
    if (piece.empty()) {
      co_await answered_.async_wait(kAwait);
      continue;
    }
    wire_->stream.expires_after(chrono_of(shared_->limits.write_timeout));
    if (chunked) {
      const auto chunk = http::make_chunk(asio::buffer(piece));
      std::tie(error, head_size) = co_await asio::async_write(wire_->stream, chunk, kAwait);
    } else {
      std::tie(error, head_size) = co_await asio::async_write(wire_->stream, asio::buffer(piece), kAwait);
    }
    if (error == beast::error::timeout) ++shared_->counters.streams_dropped;
    std::lock_guard lock(stream_->mutex);
    stream_->in_flight_bytes = 0;
  }
  --shared_->counters.streams_open;
  stream_->end();
  cut();
}

// A reader of a stream has nothing more to say; what it sends is thrown away, its end is ours.
asio::awaitable<void> HttpConnection::watch_for_end() {
  char rest[1024];
  while (!closed_) {
    const auto [error, size] = co_await wire_->stream.async_read_some(asio::buffer(rest), kAwait);
    if (error) break;
  }
  if (!closed_) cut();
}

asio::awaitable<void> HttpConnection::close_gently() {
  error_code ignored;
  wire_->stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  wire_->stream.expires_after(kDiscardTime);
  char rest[4096];
  for (std::size_t total = 0; total < kDiscardBytesMax && !closed_;) {
    const auto [error, size] = co_await wire_->stream.async_read_some(asio::buffer(rest), kAwait);
    if (error) break;
    total += size;
  }
}

}  // namespace framemill::net
