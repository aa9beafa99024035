#include "net/http_client.h"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/ascii.h"
#include "net/await.h"
#include "net/net_error.h"

namespace framemill::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;

namespace {

constexpr std::uint32_t kHeaderBytesMax = 64 * 1024;
constexpr auto kAskInterval = std::chrono::milliseconds(200);

// One call, from the address to the reply. Lives on the stack of HttpClient::run().
struct Exchange {
  Exchange(asio::io_context& io, const std::string& where, const HttpClientOptions& o)
      : resolver(io), stream(io), buffer(1 << 20), url(where), options(o) {}

  asio::ip::tcp::resolver resolver;
  beast::basic_stream<Protocol, asio::any_io_executor> stream;
  beast::flat_buffer buffer;
  const std::string& url;
  const HttpClientOptions& options;
  std::optional<base::Result<HttpResponse>> outcome;

  asio::awaitable<void> run(std::string host, std::string port, std::string unix_path,
                            http::request<http::string_body> request, const SseParser::OnEvent* on_event);
  asio::awaitable<error_code> connect(std::string host, std::string port, std::string unix_path);
  asio::awaitable<void> read_reply(bool is_head, const SseParser::OnEvent* on_event);
  asio::awaitable<void> read_events(http::response_parser<http::string_body>& parser,
                                    const SseParser::OnEvent& on_event);

  void set_deadline(base::Duration time) { stream.expires_after(std::chrono::milliseconds(time.ms)); }
  void fail(error_code error, std::string_view code, const std::string& what);
};

void Exchange::fail(error_code error, std::string_view code, const std::string& what) {
  base::Error failure{std::string(code), what + ": " + error.message(), "", ""};
  if (error == beast::error::timeout) {
    failure.code = text_of(NetError::Timeout);
    failure.message = what + ": timed out";
  } else if (error == http::error::body_limit || error == http::error::header_limit) {
    failure.code = text_of(HttpError::TooLarge);
    failure.message = fmt::format("{}: the reply is larger than {} bytes", what, options.body_bytes_max);
  }
  outcome = std::move(failure);
}

asio::awaitable<error_code> Exchange::connect(std::string host, std::string port, std::string unix_path) {
  set_deadline(options.connect_timeout);
  if (!unix_path.empty()) {
    const auto [error] =
        co_await stream.async_connect(Protocol::endpoint(asio::local::stream_protocol::endpoint(unix_path)), kAwait);
    co_return error;
  }
  auto [error, endpoints] = co_await resolver.async_resolve(host, port, kAwait);
  for (const auto& entry : endpoints) {
    set_deadline(options.connect_timeout);
    std::tie(error) = co_await stream.async_connect(Protocol::endpoint(entry.endpoint()), kAwait);
    if (!error) break;
    stream.close();
  }
  co_return error;
}

asio::awaitable<void> Exchange::run(std::string host, std::string port, std::string unix_path,
                                    http::request<http::string_body> request, const SseParser::OnEvent* on_event) {
  if (const error_code error = co_await connect(std::move(host), std::move(port), std::move(unix_path)); error) {
    fail(error, text_of(NetError::Connect), "connect to " + url);
    if (outcome) {
      base::Error failure = outcome->error();
      failure.hint = "is the server running at this address?";
      outcome = std::move(failure);
    }
    co_return;
  }
  set_deadline(options.read_timeout);
  const auto [error, size] = co_await http::async_write(stream, request, kAwait);
  // A server may refuse a large body and close before all of it is sent: its reply says why, so read it in any case.
  if (error && error != asio::error::broken_pipe && error != asio::error::connection_reset) {
    fail(error, text_of(NetError::Closed), "send to " + url);
    co_return;
  }
  co_await read_reply(request.method() == http::verb::head, on_event);
}

HttpResponse response_of(const http::response_parser<http::string_body>& parser) {
  HttpResponse response;
  response.status = static_cast<int>(parser.get().result_int());
  response.content_type.clear();
  for (const auto& field : parser.get()) {
    std::string name = base::ascii_lower(field.name_string());
    if (name == "content-type") response.content_type = std::string(field.value());
    response.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return response;
}

asio::awaitable<void> Exchange::read_reply(bool is_head, const SseParser::OnEvent* on_event) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(options.body_bytes_max);
  parser.skip(is_head);
  const auto [error, header_size] = co_await http::async_read_header(stream, buffer, parser, kAwait);
  if (error) {
    const bool gone = error == http::error::end_of_stream || error == asio::error::connection_reset ||
                      error == asio::error::eof || error == asio::error::broken_pipe;
    fail(error, gone ? text_of(NetError::Closed) : text_of(HttpError::BadReply), "read the reply of " + url);
    co_return;
  }
  if (on_event != nullptr && parser.get().result() == http::status::ok) {
    parser.body_limit(boost::none);  // of the whole stream; each event is bounded by its parser
    co_await read_events(parser, *on_event);
    co_return;
  }
  if (!is_head) {
    const auto [body_error, body_size] = co_await http::async_read(stream, buffer, parser, kAwait);
    if (body_error) {
      fail(body_error, text_of(NetError::Closed), "read the reply of " + url);
      co_return;
    }
  }
  HttpResponse response = response_of(parser);
  response.body = std::move(parser.get().body());
  outcome = std::move(response);
}

asio::awaitable<void> Exchange::read_events(http::response_parser<http::string_body>& parser,
                                            const SseParser::OnEvent& on_event) {
  SseParser events;
  while (!parser.is_done()) {
    set_deadline(options.read_timeout);
    const auto [error, size] = co_await http::async_read_some(stream, buffer, parser, kAwait);
    // The parser appends to the body; taking it away piece by piece makes a stream of it.
    std::string piece = std::move(parser.get().body());
    parser.get().body().clear();
    auto go_on = events.feed(piece, on_event);
    if (!go_on.ok()) {
      outcome = go_on.error();
      co_return;
    }
    if (!*go_on) {
      outcome = response_of(parser);
      co_return;
    }
    if (error) {
      fail(error, text_of(NetError::Closed), "read events of " + url);
      co_return;
    }
  }
  outcome = base::error_of(NetError::Closed, "the server ended the stream of events");
}

base::Error bad_url(std::string_view url, std::string why) {
  return {"http.bad_url", "the server's address \"" + std::string(url) + "\" " + std::move(why), "",
          "write http://HOST:PORT or unix:/path/to/socket"};
}

}  // namespace

base::Result<HttpClient> HttpClient::open(std::string_view url, HttpClientOptions options) {
  HttpClient client;
  client.url_ = url;
  client.options_ = std::move(options);
  if (url.substr(0, 5) == "unix:") {
    client.unix_path_ = url.substr(5);
    client.host_ = "localhost";
    if (client.unix_path_.empty() || client.unix_path_.size() > 107)
      return bad_url(url, "needs a path of 1 to 107 bytes");
    return client;
  }
  if (url.substr(0, 8) == "https://") {
    return bad_url(url, "uses TLS, which this client does not support; use a tunnel (ssh -L) or a Unix socket");
  }
  if (url.substr(0, 7) != "http://") return bad_url(url, "does not begin with http:// or unix:");
  std::string_view authority = url.substr(7);
  if (!authority.empty() && authority.back() == '/') authority.remove_suffix(1);
  if (authority.find_first_of("/?#@ ") != authority.npos) return bad_url(url, "may have a host and a port only");
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  std::string_view host = authority.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  client.host_ = host;
  client.port_ = colon == authority.npos ? "80" : std::string(authority.substr(colon + 1));
  unsigned port = 0;
  const char* end = client.port_.data() + client.port_.size();
  const auto [last, error] = std::from_chars(client.port_.data(), end, port);
  if (host.empty() || error != std::errc() || last != end || port == 0 || port > 65535) {
    return bad_url(url, "has no host or no port between 1 and 65535");
  }
  return client;
}

base::Result<HttpResponse> HttpClient::send(const HttpCall& call) {
  return run(call, nullptr);
}

base::Result<HttpResponse> HttpClient::stream(const HttpCall& call, const SseParser::OnEvent& on_event) {
  return run(call, &on_event);
}

base::Result<HttpResponse> HttpClient::run(const HttpCall& call, const SseParser::OnEvent* on_event) {
  if (call.target.empty() || call.target[0] != '/' || call.target.find_first_of(" \r\n\t") != std::string::npos) {
    return base::Error{"http.bad_url", "the path \"" + call.target + "\" is not an encoded path", "", ""};
  }
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(call.method);
  request.target(call.target);
  const bool v6 = host_.find(':') != std::string::npos;
  request.set(http::field::host, (v6 ? "[" + host_ + "]" : host_) + (port_.empty() ? "" : ":" + port_));
  request.set(http::field::user_agent, "framemill");
  request.set(http::field::connection, "close");
  if (!call.body.empty()) request.set(http::field::content_type, call.content_type);
  for (const auto& [name, value] : call.headers) {
    if (value.find_first_of("\r\n") != std::string::npos) {
      return base::Error{"http.bad_url", "the header " + name + " has a line break", "", ""};
    }
    request.set(name, value);
  }
  request.body() = call.body;
  request.prepare_payload();

  // A call cut short leaves its coroutine in the context, which destroys it after the exchange has closed its socket.
  asio::io_context io{1};
  Exchange exchange(io, url_, options_);
  asio::co_spawn(io, exchange.run(host_, port_, unix_path_, std::move(request), on_event),
                 [&](std::exception_ptr failed) {
                   if (failed && !exchange.outcome)
                     exchange.outcome = base::error_of(HttpError::BadReply, "the exchange failed");
                 });
  while (!exchange.outcome) {
    io.run_for(kAskInterval);
    if (!exchange.outcome && options_.keep_going && !options_.keep_going()) {
      return base::error_of(NetError::Interrupted, "interrupted");
    }
  }
  return *std::move(exchange.outcome);
}

}  // namespace framemill::net
