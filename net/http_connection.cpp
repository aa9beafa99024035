#include "net/http_connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_cat.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "base/ascii.h"
#include "base/clock.h"
#include "net/await.h"
#include "net/http_framing.h"
#include "net/net_error.h"

namespace framemill::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// Read and thrown away after a refusal, so that the client gets to read why instead of a reset.
constexpr std::size_t kDiscardBytesMax = 4 << 20;
constexpr auto kDiscardTime = std::chrono::seconds(2);
constexpr std::size_t kChunkOverheadMax = 8;  // bytes on the wire per byte of a body: a chunk of one byte has seven

std::chrono::milliseconds chrono_of(base::Duration time) {
  return std::chrono::milliseconds(time.ms);
}

// The request without its body. What a chunked body's trailer says later is nobody's business.
HttpRequest head_of(const http::request<http::string_body>& message, const HttpPeer& peer) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.path = request.target.substr(0, request.target.find('?'));
  for (const auto& field : message) {
    std::string name = base::ascii_lower(field.name_string());
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
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

// The peer has gone or the socket was closed: there is nobody to answer.
bool is_silent(error_code error) {
  return error == http::error::end_of_stream || error == http::error::partial_message || error == asio::error::eof ||
         error == asio::error::operation_aborted || error == asio::error::connection_reset ||
         error == asio::error::broken_pipe || error == asio::error::bad_descriptor ||
         error == asio::error::not_connected;
}

}  // namespace

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
      peer_(std::move(peer)), number_(++shared_->last_connection), waits_since_(base::monotonic_now()),
      answered_(shared_->io, asio::steady_timer::time_point::max()), deadline_(shared_->io) {
  shared_->connections.emplace(number_, this);
  shared_->counters.connections_open = shared_->connections.size();
  if (shared_->admit) shared_->gate.stranger_came(peer_.network);
}

HttpConnection::~HttpConnection() {
  leave();
}

void HttpConnection::leave() {
  auto& shared = *shared_;
  end_work();
  if (shared.connections.erase(number_) == 0) return;
  if (shared.admit) {
    if (is_stranger())
      shared.gate.stranger_left(peer_.network);
    else
      shared.gate.give_back_connection(client_);
  }
  shared.counters.connections_open = shared.connections.size();
  if (shared.connections.empty() && shared.on_empty) std::exchange(shared.on_empty, nullptr)();
}

void HttpConnection::end_work() {
  at_work_ = false;
  const std::size_t bytes = std::exchange(body_bytes_reserved_, 0);
  shared_->bodies_bytes -= bytes;
  if (shared_->admit && bytes > 0) shared_->gate.give_back_body(client_, bytes);
  end_answer();
}

void HttpConnection::end_answer() {
  if (std::exchange(answer_counts_, false)) shared_->gate.give_back_answer(client_);
}

// Whose connection it is from now on; false: the client has enough of them.
bool HttpConnection::belong_to(const std::string& client) {
  if (client == client_) return true;
  HttpGate& gate = shared_->gate;
  if (!client.empty() && !gate.take_connection(client)) return false;
  if (client_.empty())
    gate.stranger_left(peer_.network);
  else
    gate.give_back_connection(client_);
  client_ = client;
  if (client.empty()) gate.stranger_came(peer_.network);
  return true;
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

void HttpConnection::evict() {
  ++shared_->counters.connections_evicted;
  cut();
  leave();
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
    end_work();
    waits_since_ = base::monotonic_now();
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
  const bool patient = request_number_ > 0 && !is_stranger();
  wire_->stream.expires_after(chrono_of(patient ? shared_->limits.idle_timeout : shared_->limits.header_timeout));
  const auto [error, size] = co_await wire_->stream.async_read_some(wire_->buffer.prepare(4096), kAwait);
  if (error) co_return false;
  wire_->buffer.commit(size);
  co_return true;
}

// A stranger's header must be whole within one time from the connection's start, however it trickles in.
base::Duration HttpConnection::header_time() const {
  const base::Duration whole = shared_->limits.header_timeout;
  if (!is_stranger()) return whole;
  return std::max(base::milliseconds(1), whole - (base::monotonic_now() - waits_since_));
}

// Asks who sends this and whether there is room for it; a value is what it is refused with.
std::optional<HttpResponse> HttpConnection::admit(const HttpRequest& head, std::size_t body_bytes) {
  const auto refuse = [](int status, HttpError error, const char* text) {
    return error_response(status, base::error_of(error, text, "", status == 413 ? "" : "try again in a second"));
  };
  const HttpLimits& limits = shared_->limits;
  HttpAdmission admission;
  if (shared_->admit) {
    admission = shared_->admit(head);
    HttpGate& gate = shared_->gate;
    if (!gate.take_request(peer_.network, admission.client, base::monotonic_now()))
      return refuse(429, HttpError::TooManyRequests, "too many requests in this time");
    if (admission.refusal) return std::move(admission.refusal);
    if (!belong_to(admission.client))
      return refuse(429, HttpError::TooManyConnections, "too many connections with this token");
    if (!is_stranger()) {
      if (!gate.take_answer(client_))
        return refuse(429, HttpError::TooManyRequests, "too many requests with this token at once");
      answer_counts_ = true;
    }
  }
  at_work_ = true;
  if (body_bytes == 0) return std::nullopt;
  if (!admission.takes_body) return refuse(413, HttpError::TooLarge, "this request takes no body");
  if (body_bytes > limits.bodies_bytes_max - std::min(shared_->bodies_bytes, limits.bodies_bytes_max))
    return refuse(503, HttpError::Busy, "too many large requests");
  if (shared_->admit && !shared_->gate.take_body(client_, body_bytes))
    return refuse(429, HttpError::Busy, "too many large requests with this token at once");
  body_bytes_reserved_ = body_bytes;
  shared_->bodies_bytes += body_bytes;
  return std::nullopt;
}

// The whole body, or why not. Many small chunks and long trailers cost bytes that are not the body's: they have a bound,
// too.
asio::awaitable<boost::system::error_code> HttpConnection::read_body(Parser& parser) {
  const HttpLimits& limits = shared_->limits;
  start_deadline(limits.body_timeout);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    co_await http::async_write(wire_->stream, go_on, kAwait);
  }
  error_code error;
  for (std::size_t total = 0; !error && !parser.is_done();) {
    const auto [read_error, size] = co_await http::async_read_some(wire_->stream, wire_->buffer, parser, kAwait);
    error = read_error;
    total += size;
    if (total > kChunkOverheadMax * limits.body_bytes_max + limits.header_bytes_max) error = http::error::body_limit;
  }
  co_return error;
}

asio::awaitable<HttpConnection::Next> HttpConnection::serve_one() {
  const HttpLimits& limits = shared_->limits;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  parser.body_limit(limits.body_bytes_max);
  start_deadline(header_time());
  auto [error, header_size] = co_await http::async_read_header(wire_->stream, wire_->buffer, parser, kAwait);
  HttpRequest request;
  if (closed_) co_return Next::End;  // evicted while its header was on the way: it is counted no more
  if (!error) {
    end_deadline();
    if (auto refusal = refusal_of_head(parser.get())) {
      co_await refuse(error_response(refusal->status, refusal->error));
      co_return Next::End;
    }
    request = head_of(parser.get(), peer_);
    auto query =
        parse_query(std::string_view(request.target).substr(std::min(request.path.size() + 1, request.target.size())));
    if (request.path.empty() || request.path[0] != '/' || !query.ok()) {
      base::Error bad{"http.bad_target", "the address must begin with a slash", "", ""};
      if (!query.ok()) bad = query.error();
      co_await refuse(error_response(400, bad));
      co_return Next::End;
    }
    request.query = *std::move(query);
    const std::size_t body_bytes =
        parser.is_done() ? 0 : static_cast<std::size_t>(parser.content_length().value_or(limits.body_bytes_max));
    if (auto refusal = admit(request, body_bytes)) {
      co_await refuse(*std::move(refusal));
      co_return Next::End;
    }
    if (!parser.is_done()) error = co_await read_body(parser);
  }
  if (end_deadline()) error = asio::error::timed_out;
  if (error) {
    if (!closed_ && !is_silent(error)) {
      const HttpRefusal refusal = refusal_of(error, limits);
      co_await refuse(error_response(refusal.status, refusal.error));
    }
    co_return Next::End;
  }

  const bool keep_alive = parser.keep_alive();
  const bool is_head = parser.get().method() == http::verb::head;
  const bool chunked = parser.get().version() >= 11;
  request.body = std::move(parser.get().body());
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

asio::awaitable<void> HttpConnection::refuse(HttpResponse response) {
  end_work();
  ++shared_->counters.requests_refused;
  const bool later = response.status == 503 || response.status == 429;
  if (later && response.header("Retry-After") == nullptr) response.headers.emplace_back("Retry-After", "1");
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
  end_answer();
  ++shared_->counters.streams_open;
  http::response_serializer<http::empty_body> serializer(head);
  wire_->stream.expires_after(chrono_of(shared_->limits.write_timeout));
  auto [error, head_size] = co_await http::async_write_header(wire_->stream, serializer, kAwait);
  if (!error && !is_head) {
    wire_->stream.expires_never();  // for the read that runs all the while; each write sets its own limit
    asio::co_spawn(shared_->io, [self = shared_from_this()] { return self->watch_for_end(); }, asio::detached);
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
