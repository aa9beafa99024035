#include "net/http_server.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <variant>

#include "net/await.h"
#include "net/http_connection.h"
#include "net/net_error.h"

namespace framemill::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

// ---- Handles ----

HttpStream::~HttpStream() {
  close();
}

bool HttpStream::write(std::string_view bytes) {
  std::unique_lock lock(state_->mutex);
  if (state_->ended || state_->closing || state_->overflow) return false;
  if (bytes.empty()) return true;
  if (state_->pending.size() + state_->in_flight_bytes + bytes.size() > state_->buffer_bytes_max) {
    state_->overflow = true;
    state_->pending.clear();
    state_->wake(lock, state_);
    return false;
  }
  state_->pending += bytes;
  state_->wake(lock, state_);
  return true;
}

void HttpStream::close() {
  std::unique_lock lock(state_->mutex);
  if (state_->ended || std::exchange(state_->closing, true)) return;
  state_->wake(lock, state_);
}

bool HttpStream::closed() const {
  std::lock_guard lock(state_->mutex);
  return state_->ended || state_->closing || state_->overflow;
}

void HttpStream::on_closed(std::function<void()> function) {
  std::unique_lock lock(state_->mutex);
  if (!state_->ended) {
    state_->on_closed = std::move(function);
    return;
  }
  lock.unlock();
  if (auto loop = state_->loop.lock()) asio::post(loop->io, std::move(function));
}

void Responder::send(HttpResponse response) const {
  if (state_->claim()) state_->deliver({std::move(response), nullptr});
}

std::shared_ptr<HttpStream> Responder::start_stream(HttpResponse head) const {
  auto stream = std::make_shared<HttpStream::State>();
  stream->loop = state_->loop;
  stream->connection = state_->connection;
  stream->buffer_bytes_max = state_->stream_buffer_bytes_max;
  stream->pending = std::move(head.body);
  head.body.clear();
  if (state_->claim()) {
    state_->deliver({std::move(head), stream});
  } else {
    stream->ended = true;
  }
  return std::make_shared<HttpStream>(std::move(stream));
}

// ---- The server ----

template <class Wanted>
bool HttpShared::evict_oldest(Wanted wanted) {
  for (const auto& [number, connection] : connections) {
    if (!connection->waits() || !wanted(*connection)) continue;
    connection->evict();
    return true;
  }
  return false;
}

bool HttpShared::make_room(const std::string& network) {
  const auto is_stranger = [](const HttpConnection& connection) { return connection.is_stranger(); };
  if (gate.strangers_full(network)) {
    evict_oldest([&](const HttpConnection& connection) {
      return connection.is_stranger() && connection.peer().network == network;
    });
  }
  if (connections.size() < limits.connections_max) return true;
  return evict_oldest(is_stranger) || evict_oldest([](const HttpConnection&) { return true; });
}

struct HttpServer::Impl {
  explicit Impl(const std::shared_ptr<EventLoop::Impl>& loop) : shared(std::make_shared<HttpShared>(loop)) {}
  std::shared_ptr<HttpShared> shared;
  std::variant<std::monostate, tcp::acceptor, stream_protocol::acceptor> acceptor;
  std::shared_ptr<asio::steady_timer> grace;
  std::string url;
  std::string unix_path;
  std::uint16_t port = 0;

  base::Status listen_tcp(const HttpServerOptions& options);
  base::Status listen_unix(const HttpServerOptions& options);
  void stop_accepting();
};

namespace {

base::Error bind_error(const std::string& listen, const std::string& why) {
  return base::error_of(NetError::Bind, "listen on " + listen + ": " + why);
}

// One host may have all addresses of an IPv6 /64.
std::string network_of(const asio::ip::address& address) {
  if (!address.is_v6() || address.to_v6().is_v4_mapped()) return address.to_string();
  asio::ip::address_v6::bytes_type bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

HttpPeer peer_of(tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  HttpPeer peer;
  if (!error) {
    const bool v6 = endpoint.address().is_v6();
    peer.address =
        fmt::format("{}{}{}{}", v6 ? "[" : "", endpoint.address().to_string(), v6 ? "]:" : ":", endpoint.port());
    peer.network = network_of(endpoint.address());
  }
  socket.set_option(tcp::no_delay(true), error);
  socket.set_option(asio::socket_base::keep_alive(true), error);
  return peer;
}

HttpPeer peer_of(stream_protocol::socket& socket) {
  HttpPeer peer;
  peer.address = "unix";
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
    peer.uid = credentials.uid;
  peer.network = peer.uid ? fmt::format("uid {}", *peer.uid) : "uid unknown";
  return peer;
}

// Said without waiting to somebody who is not let in; whether it arrives is not worth more.
template <class Socket>
void say_busy(Socket& socket) {
  static const HttpResponse busy =
      error_response(503, base::error_of(HttpError::Busy, "too many connections", "", "try again in a second"));
  static const std::string bytes = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
      "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
      busy.body.size(), busy.body);
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
}

template <class Acceptor>
asio::awaitable<void> accept_loop(std::shared_ptr<HttpShared> shared, Acceptor& acceptor) {
  asio::steady_timer pause(shared->io);
  while (!shared->stopping) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    // From here on the acceptor may be gone: `stopping` is looked at first.
    if (shared->stopping || error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: the backlog waits, and so do we instead of spinning.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    HttpPeer peer = peer_of(socket);
    if (!shared->make_room(peer.network)) {
      ++shared->counters.connections_refused;
      say_busy(socket);
      continue;
    }
    ++shared->counters.connections_accepted;
    auto connection = std::make_shared<HttpConnection>(
        shared, asio::generic::stream_protocol::socket(std::move(socket)), std::move(peer));
    connection->start();
  }
}

// Whether somebody answers there; a socket file whose owner has gone refuses.
bool unix_socket_answers(asio::io_context& io, const std::string& path) {
  stream_protocol::socket socket(io);
  error_code error;
  socket.connect(stream_protocol::endpoint(path), error);
  return !error;
}

base::Result<tcp::endpoint> tcp_endpoint_of(const HttpServerOptions& options) {
  const std::size_t colon = options.listen.rfind(':');
  std::string host = options.listen.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const char* port_begin = options.listen.data() + (colon == std::string::npos ? options.listen.size() : colon + 1);
  const char* port_end = options.listen.data() + options.listen.size();
  unsigned wanted = 0;
  const auto [end, bad_port] = std::from_chars(port_begin, port_end, wanted);
  error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error || bad_port != std::errc() || end != port_end || wanted > 65535) {
    base::Error bad = bind_error(options.listen, "not an address and a port");
    bad.hint = "write 127.0.0.1:8484, [::1]:8484 or unix:/path";
    return bad;
  }
  if (!address.is_loopback() && !options.allow_remote) {
    return base::error_of(NetError::NotLoopback, "listen on " + options.listen + ": other hosts could connect", "",
                          "listen on 127.0.0.1, or set allow_remote = true in scheduler.toml");
  }
  return tcp::endpoint(address, static_cast<std::uint16_t>(wanted));
}

base::Result<std::string> unix_path_of(const HttpServerOptions& options) {
  const std::string path = options.listen.substr(5);
  const std::size_t bytes_max = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty() || path.size() > bytes_max)
    return bind_error(options.listen, fmt::format("the path must have 1 to {} bytes", bytes_max));
  return path;
}

// A process that is not root can give a file to groups that it is in, and to no others.
base::Result<gid_t> group_of(const HttpServerOptions& options) {
  struct group entry{};
  struct group* found = nullptr;
  std::array<char, 16384> buffer{};
  if (::getgrnam_r(options.unix_group.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return bind_error(options.listen, "this host has no group " + options.unix_group);
  std::array<gid_t, 1024> groups{};
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  const auto end = groups.begin() + std::max(count, 0);
  if (::geteuid() == 0 || entry.gr_gid == ::getegid() || std::find(groups.begin(), end, entry.gr_gid) != end)
    return entry.gr_gid;
  base::Error not_in_it = bind_error(options.listen, "this user is not in the group " + options.unix_group);
  not_in_it.hint = fmt::format("usermod -aG {} USER, with the user of the service, and restart it", options.unix_group);
  return not_in_it;
}

base::Status check_unix_place(const HttpServerOptions& options) {
  FM_ASSIGN(const std::string path, unix_path_of(options));
  std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    base::Error bad =
        bind_error(options.listen, fmt::format("make a socket in {}: {}", directory.string(), std::strerror(errno)));
    bad.hint = "use a directory of the service's own: unix:/run/framemill/http.sock";
    return bad;
  }
  if (!options.unix_group.empty()) FM_TRY(group_of(options));
  return {};
}

}  // namespace

base::Status check_listen_address(const HttpServerOptions& options) {
  if (options.listen.starts_with("unix:")) {
    FM_TRY(check_unix_place(options));
  } else {
    FM_TRY(tcp_endpoint_of(options));
  }
  return {};
}

base::Status HttpServer::Impl::listen_tcp(const HttpServerOptions& options) {
  FM_ASSIGN(const tcp::endpoint endpoint, tcp_endpoint_of(options));
  error_code error;
  tcp::acceptor listener(shared->io);
  listener.open(endpoint.protocol(), error);
  if (!error) listener.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) listener.bind(endpoint, error);
  if (!error) listener.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    base::Error bad = bind_error(options.listen, error.message());
    if (error == asio::error::address_in_use)
      bad.hint = "another program is listening there: choose another port, or stop it";
    return bad;
  }
  port = listener.local_endpoint(error).port();
  const bool v6 = endpoint.address().is_v6();
  const std::string address = endpoint.address().to_string();
  url = fmt::format("http://{}:{}", v6 ? fmt::format("[{}]", address) : address, port);
  acceptor = std::move(listener);
  return {};
}

base::Status HttpServer::Impl::listen_unix(const HttpServerOptions& options) {
  FM_ASSIGN(const std::string path, unix_path_of(options));
  std::optional<gid_t> group;
  if (!options.unix_group.empty()) {
    FM_ASSIGN(group, group_of(options));
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return bind_error(options.listen, "something that is not a socket is there");
    if (unix_socket_answers(shared->io, path)) return bind_error(options.listen, "another server answers there");
    ::unlink(path.c_str());
  }
  error_code error;
  stream_protocol::acceptor listener(shared->io);
  listener.open(stream_protocol(), error);
  // Group and mode are set before it has a backlog: nobody can connect in between.
  if (!error) listener.bind(stream_protocol::endpoint(path), error);
  if (!error && group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    error.assign(errno, boost::system::system_category());
  if (!error && ::chmod(path.c_str(), options.unix_mode) != 0) error.assign(errno, boost::system::system_category());
  if (!error) listener.listen(asio::socket_base::max_listen_connections, error);
  if (error) return bind_error(options.listen, error.message());
  unix_path = path;
  url = "unix:" + path;
  acceptor = std::move(listener);
  return {};
}

void HttpServer::Impl::stop_accepting() {
  shared->stopping = true;
  error_code ignored;
  if (auto* listener = std::get_if<tcp::acceptor>(&acceptor)) listener->close(ignored);
  if (auto* listener = std::get_if<stream_protocol::acceptor>(&acceptor)) listener->close(ignored);
  if (!unix_path.empty()) ::unlink(std::exchange(unix_path, {}).c_str());
}

HttpServer::HttpServer(std::shared_ptr<void> loop, std::shared_ptr<Impl> impl)
    : loop_(std::move(loop)), impl_(std::move(impl)) {}

base::Result<std::unique_ptr<HttpServer>> HttpServer::open(EventLoop& loop, HttpServerOptions options, Handler handler,
                                                           Admit admit) {
  auto impl = std::make_shared<Impl>(loop.impl());
  impl->shared->limits = options.limits;
  impl->shared->handler = std::move(handler);
  impl->shared->admit = std::move(admit);
  FM_TRY(options.listen.rfind("unix:", 0) == 0 ? impl->listen_unix(options) : impl->listen_tcp(options));
  const auto spawn = [&](auto& acceptor) {
    asio::co_spawn(loop.impl()->io, accept_loop(impl->shared, acceptor),
                   [impl](std::exception_ptr) { /* keeps the acceptor until its loop has ended */ });
  };
  if (auto* listener = std::get_if<tcp::acceptor>(&impl->acceptor)) spawn(*listener);
  if (auto* listener = std::get_if<stream_protocol::acceptor>(&impl->acceptor)) spawn(*listener);
  return std::unique_ptr<HttpServer>(new HttpServer(loop.impl(), std::move(impl)));
}

HttpServer::~HttpServer() {
  impl_->stop_accepting();
  impl_->shared->handler = nullptr;
  impl_->shared->on_empty = nullptr;
  if (impl_->grace) impl_->grace->cancel();
  for (const auto& [number, connection] : impl_->shared->connections) connection->cut();
}

const std::string& HttpServer::url() const {
  return impl_->url;
}
std::uint16_t HttpServer::port() const {
  return impl_->port;
}
HttpServerCounters HttpServer::counters() const {
  return impl_->shared->counters;
}

void HttpServer::stop(base::Duration grace, std::function<void()> done) {
  impl_->stop_accepting();
  auto& shared = *impl_->shared;
  shared.on_empty = std::move(done);
  for (const auto& [number, connection] : shared.connections) connection->finish();
  if (shared.connections.empty()) {
    if (shared.on_empty) asio::post(shared.io, std::exchange(shared.on_empty, nullptr));
    return;
  }
  impl_->grace = std::make_shared<asio::steady_timer>(shared.io, std::chrono::milliseconds(grace.ms));
  impl_->grace->async_wait([weak = std::weak_ptr(impl_->shared)](error_code error) {
    if (error) return;
    if (auto alive = weak.lock()) {
      for (const auto& [number, connection] : alive->connections) connection->cut();
    }
  });
}

}  // namespace framemill::net
