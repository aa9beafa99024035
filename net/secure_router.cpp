#include "net/secure_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/clock.h"
#include "net/net_error.h"
#include "net/zap_guard.h"
#include "net/zmq_socket.h"

namespace framemill::net {

namespace {

// What a ROUTER calls a peer that chose no name for itself: a zero byte and a 32-bit counter that starts at random.
constexpr std::size_t kRoutingIdBytes = 5;
constexpr std::string_view kTcpScheme = "tcp://";

std::optional<PeerId> peer_of(std::string_view routing_id) {
  if (routing_id.size() != kRoutingIdBytes || routing_id[0] != 0) return std::nullopt;
  std::uint64_t value = 1;  // keeps a counter of 0 apart from "none"
  for (std::size_t i = 1; i < kRoutingIdBytes; ++i) value = value << 8 | static_cast<std::uint8_t>(routing_id[i]);
  return PeerId(value);
}

// "127.0.0.1" of "tcp://127.0.0.1:8751", "::1" of "tcp://[::1]:*".
std::string host_of(std::string_view endpoint) {
  endpoint.remove_prefix(std::min(kTcpScheme.size(), endpoint.size()));
  std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return std::string(host);
}

// An IPv6 socket names an IPv4 host "::ffff:10.0.0.7".
std::string without_mapping(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = address.starts_with(kMapped) && address.find('.') != address.npos;
  return std::string(mapped ? address.substr(kMapped.size()) : address);
}

// "tcp://127.0.0.1:8751" of "tcp://[::ffff:127.0.0.1]:8751".
std::string plain_endpoint(const std::string& endpoint) {
  const std::string host = host_of(endpoint);
  const std::string plain = without_mapping(host);
  return plain == host ? endpoint : fmt::format("{}{}{}", kTcpScheme, plain, endpoint.substr(endpoint.rfind(':')));
}

bool is_loopback(const std::string& host) {
  if (host == "lo") return true;  // ZeroMQ takes the names of interfaces
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(without_mapping(host), error);
  return !error && address.is_loopback();
}

std::array<char, kRoutingIdBytes> routing_id_of(PeerId peer) {
  std::array<char, kRoutingIdBytes> bytes{};
  for (std::size_t i = 1; i < kRoutingIdBytes; ++i) {
    bytes[i] = static_cast<char>(peer.value >> (8 * (kRoutingIdBytes - 1 - i)));
  }
  return bytes;
}

}  // namespace

struct SecureRouter::Impl {
  SecureRouterOptions options;
  OnMessage on_message;
  std::string endpoint;
  std::atomic<std::uint64_t> received{0}, dropped{0}, sent{0}, sends_refused{0};
  // Destroyed from the last to the first: the reader leaves the loop, the socket closes, the guard stops, the context
  // ends.
  zmq::context_t context;
  std::unique_ptr<ZapGuard> guard;
  zmq::socket_t socket;
  std::unique_ptr<ZmqReader> reader;
  zmq::message_t id_part, part;
  std::string joined;  // a message of several parts

  base::Status start();
  base::Status set_security();
  bool receive_one();
};

base::Status SecureRouter::Impl::set_security() {
  const auto& secret = options.keys.secret_key.bytes;
  return try_zmq("require CURVE keys", [&] {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, zmq::buffer(secret.data(), secret.size()));
    socket.set(zmq::sockopt::zap_domain, kZapDomain);
    // Without this ZeroMQ lets everybody in when the handler cannot be reached.
    socket.set(kZapEnforceDomain, true);
  });
}

base::Status SecureRouter::Impl::start() {
  FM_TRY(check_listen_address(options));
  FM_ASSIGN(socket, make_socket(context, zmq::socket_type::router));
  FM_TRY(set_link_options(socket, {options.part_bytes_max, options.queue_messages_max, options.handshake_timeout,
                                   options.heartbeat_interval}));
  FM_TRY(try_zmq("set the router's options", [&] {
    socket.set(zmq::sockopt::router_mandatory, true);
    socket.set(zmq::sockopt::router_handover, false);
  }));
  FM_TRY(set_security());
  FM_ASSIGN(zmq::socket_t monitor, monitor_events(context, socket, "framemill.router.monitor"));
  FM_ASSIGN(guard, ZapGuard::start(context, std::move(monitor), options.allowed));

  // The test runs on a loopback port of this very socket before the real address opens.
  FM_TRY(bind_to(socket, "tcp://127.0.0.1:*"));
  const std::string test_endpoint = socket.get(zmq::sockopt::last_endpoint);
  FM_TRY(check_refuses_strangers(test_endpoint, options.keys.public_key, options.handshake_timeout));
  FM_TRY(try_zmq("close the self-test's port", [&] { socket.unbind(test_endpoint); }));
  guard->log_refusals();

  FM_TRY(bind_to(socket, options.endpoint));
  endpoint = plain_endpoint(socket.get(zmq::sockopt::last_endpoint));
  return {};
}

bool SecureRouter::Impl::receive_one() {
  if (!receive_part(socket, id_part)) return false;
  std::string_view whole;
  const bool taken = id_part.more() && receive_part(socket, part) &&
                     receive_whole(socket, part, joined, options.message_bytes_max, whole);
  // A peer may name itself; nobody here does, and a name could be another's. Such messages are dropped unanswered.
  const auto peer = peer_of(id_part.to_string_view());
  const auto key = CurvePublicKey::from_z85(taken ? property_of(part, "User-Id") : std::string_view());
  // The handshake asked for the key once; it may have been taken away since.
  if (!peer || !key.ok() || !guard->allows(*key)) {
    dropped.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  received.fetch_add(1, std::memory_order_relaxed);
  const std::string address = without_mapping(property_of(part, "Peer-Address"));
  on_message({*peer, *key, address, whole});
  return true;
}

base::Status check_listen_address(const SecureRouterOptions& options) {
  if (options.allow_remote || !options.endpoint.starts_with(kTcpScheme) || is_loopback(host_of(options.endpoint)))
    return {};
  return base::error_of(NetError::NotLoopback, "listen on " + options.endpoint + ": other hosts could connect", "",
                        "listen on tcp://127.0.0.1:PORT, or set allow_remote = true if workers run on other hosts");
}

SecureRouter::SecureRouter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SecureRouter::~SecureRouter() = default;

base::Result<std::unique_ptr<SecureRouter>> SecureRouter::open(EventLoop& loop, SecureRouterOptions options,
                                                               OnMessage on_message) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->on_message = std::move(on_message);
  if (auto status = impl->start(); !status.ok()) return status.error().wrapped("open the workers' port");
  impl->reader = std::make_unique<ZmqReader>(loop, impl->socket, [raw = impl.get()] { return raw->receive_one(); });
  return std::unique_ptr<SecureRouter>(new SecureRouter(std::move(impl)));
}

const std::string& SecureRouter::endpoint() const {
  return impl_->endpoint;
}

base::Status SecureRouter::send(PeerId peer, std::string_view bytes) {
  const auto refuse = [&](NetError error, std::string message) {
    impl_->sends_refused.fetch_add(1, std::memory_order_relaxed);
    return base::error_of(error, std::move(message));
  };
  if (bytes.size() > impl_->options.message_bytes_max) {
    return refuse(NetError::MessageTooLarge, fmt::format("a message of {} bytes, the limit is {}", bytes.size(),
                                                         impl_->options.message_bytes_max));
  }
  const auto id = routing_id_of(peer);
  const int cause = peer ? send_in_parts_to(impl_->socket, {id.data(), id.size()}, bytes, impl_->options.part_bytes_max)
                         : EHOSTUNREACH;
  impl_->reader->check();
  if (cause == 0) {
    impl_->sent.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  if (cause == EAGAIN) return refuse(NetError::QueueFull, "the peer's queue is full");
  if (cause == EHOSTUNREACH) return refuse(NetError::PeerGone, "the peer is not connected any more");
  return refuse(NetError::Zmq, std::string("send: ") + zmq_strerror(cause));
}

void SecureRouter::allow_only(std::vector<CurvePublicKey> keys) {
  impl_->guard->allow_only(std::move(keys));
}
bool SecureRouter::allows(const CurvePublicKey& key) const {
  return impl_->guard->allows(key);
}

SecureRouterCounters SecureRouter::counters() const {
  const auto& peers = impl_->guard->counters();
  SecureRouterCounters counters;
  counters.peers_admitted = peers.admitted;
  counters.peers_refused_key = peers.refused_key;
  counters.peers_refused_handshake = peers.refused_handshake;
  counters.connections_closed = peers.closed;
  counters.messages_received = impl_->received;
  counters.messages_dropped = impl_->dropped;
  counters.messages_sent = impl_->sent;
  counters.sends_refused = impl_->sends_refused;
  return counters;
}

namespace {

enum class Security { RandomKey, None };

base::Status expect_refusal(const std::string& endpoint, const CurvePublicKey& server_key, Security security,
                            base::Duration timeout) {
  zmq::context_t context;
  FM_ASSIGN(zmq::socket_t socket, make_socket(context, zmq::socket_type::dealer));
  FM_TRY(try_zmq("set the test socket's options", [&] {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::ipv6, true);
  }));
  if (security == Security::RandomKey) FM_TRY(set_curve_client(socket, make_curve_key_pair(), server_key));
  FM_ASSIGN(zmq::socket_t monitor, monitor_events(context, socket, "framemill.test.monitor"));
  FM_TRY(connect_to(socket, endpoint));
  const base::Instant deadline = base::monotonic_now() + timeout;
  for (auto now = base::monotonic_now(); now < deadline; now = base::monotonic_now()) {
    zmq::pollitem_t item{monitor.handle(), 0, ZMQ_POLLIN, 0};
    FM_TRY(try_zmq("wait for the self-test",
                   [&] { zmq::poll(&item, 1, std::chrono::milliseconds((deadline - now).ms)); }));
    const auto event = next_event(monitor);
    if (!event) continue;
    if (event->event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      const bool with_key = security == Security::RandomKey;
      return base::error_of(NetError::NotSecure,
                            endpoint + " lets in " + (with_key ? "any key" : "peers without a key"), "",
                            "do not use this port; is the ZeroMQ library built with CURVE and at least 4.3?");
    }
    constexpr int kFailed =
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if ((event->event & kFailed) != 0) return {};
  }
  return base::error_of(NetError::Zmq,
                        fmt::format("{} gave no answer to the self-test in {} ms", endpoint, timeout.ms));
}

}  // namespace

base::Status check_refuses_strangers(const std::string& endpoint, const CurvePublicKey& server_key,
                                     base::Duration timeout) {
  FM_TRY(expect_refusal(endpoint, server_key, Security::RandomKey, timeout));
  return expect_refusal(endpoint, server_key, Security::None, timeout);
}

}  // namespace framemill::net
