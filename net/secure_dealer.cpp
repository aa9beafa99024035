#include "net/secure_dealer.h"

#include <fmt/format.h>

#include "base/file.h"
#include "net/event_loop.h"
#include "net/net_error.h"
#include "net/zmq_socket.h"

namespace framemill::net {

struct SecureDealer::Impl {
  Impl(EventLoop& l, SecureDealerOptions o, Callbacks c) : loop(l), options(std::move(o)), callbacks(std::move(c)) {}

  EventLoop& loop;
  SecureDealerOptions options;
  Callbacks callbacks;
  bool connected = false;
  LinkState state = LinkState::Disconnected;
  std::string text;
  std::uint64_t monitors_made = 0;
  // Destroyed from the last to the first: readers leave the loop, sockets close, the context ends.
  zmq::context_t context;
  zmq::socket_t socket, monitor;
  std::unique_ptr<ZmqReader> reader, monitor_reader;
  zmq::message_t part;
  std::string joined;  // a message of several parts
  Timer reopening;

  base::Status open_socket();
  bool receive_one();
  bool receive_event();
  void change(LinkState now, std::string why);
  void reopen_later();
};

base::Status SecureDealer::Impl::open_socket() {
  reader.reset();
  monitor_reader.reset();
  FM_ASSIGN(socket, make_socket(context, zmq::socket_type::dealer));
  FM_TRY(set_link_options(socket, {options.part_bytes_max, options.queue_messages_max, options.handshake_timeout,
                                   options.heartbeat_interval}));
  FM_TRY(try_zmq("set the dealer's options", [&] {
    // No queue for a connection that is not there: what is sent says what is now, and would be stale when one comes.
    socket.set(zmq::sockopt::immediate, true);
    socket.set(zmq::sockopt::reconnect_ivl, static_cast<int>(options.reconnect_first.ms));
    socket.set(zmq::sockopt::reconnect_ivl_max, static_cast<int>(options.reconnect_max.ms));
    socket.set(zmq::sockopt::connect_timeout, 10'000);
  }));
  FM_TRY(set_curve_client(socket, options.keys, options.server_key));
  const std::string name = fmt::format("framemill.dealer.monitor.{}", ++monitors_made);
  FM_ASSIGN(monitor, monitor_events(context, socket, name));
  FM_TRY(connect_to(socket, options.endpoint));
  reader = std::make_unique<ZmqReader>(loop, socket, [this] { return receive_one(); });
  monitor_reader = std::make_unique<ZmqReader>(loop, monitor, [this] { return receive_event(); });
  return {};
}

bool SecureDealer::Impl::receive_one() {
  if (!receive_part(socket, part)) return false;
  std::string_view whole;
  if (receive_whole(socket, part, joined, options.message_bytes_max, whole)) callbacks.on_message(whole);
  return true;
}

bool SecureDealer::Impl::receive_event() {
  const auto event = next_event(monitor);
  if (!event) return false;
  const std::string& server = options.endpoint;
  switch (event->event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      connected = true;
      change(LinkState::Connected, "connected to " + server);
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      change(LinkState::Refused, "the server " + server + " refused our key " + options.keys.public_key.z85() +
                                     ": add it to the server's list of workers");
      reopen_later();
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      change(LinkState::NotTrusted, "the server " + server +
                                        " does not speak CURVE, or has another key than the one we expect: compare the "
                                        "server's public key file");
      reopen_later();
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      change(LinkState::EndedEarly,
             "the server " + server + " ended the handshake: busy, restarting, or its key is not the one we expect");
      break;
    case ZMQ_EVENT_CLOSED:
      if (!connected && state == LinkState::Disconnected) change(state, "cannot reach the server " + server);
      break;
    case ZMQ_EVENT_DISCONNECTED:
      if (connected) change(LinkState::Disconnected, "lost the connection to " + server);
      break;
    default:
      break;
  }
  return true;
}

void SecureDealer::Impl::change(LinkState now, std::string why) {
  if (now != LinkState::Connected) connected = false;
  if (now == state && why == text) return;
  state = now;
  text = std::move(why);
  if (callbacks.on_link) callbacks.on_link(state, text);
}

// ZeroMQ gives up for good after a refusal; we do not, the server's list may change.
void SecureDealer::Impl::reopen_later() {
  const std::int64_t pause = std::max<std::int64_t>(options.reconnect_max.ms, 1);
  const auto jitter = static_cast<std::int64_t>(base::random_u64() % static_cast<std::uint64_t>(pause));
  reopening = loop.call_after(base::milliseconds(pause / 2 + jitter / 2), [this] {
    if (auto status = open_socket(); !status.ok()) {
      change(LinkState::Disconnected, status.error().message);
      reopen_later();
    }
  });
}

SecureDealer::SecureDealer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SecureDealer::~SecureDealer() = default;

base::Result<std::unique_ptr<SecureDealer>> SecureDealer::open(EventLoop& loop, SecureDealerOptions options,
                                                               Callbacks callbacks) {
  auto impl = std::make_unique<Impl>(loop, std::move(options), std::move(callbacks));
  if (auto status = impl->open_socket(); !status.ok()) return status.error().wrapped("open the link to the server");
  return std::unique_ptr<SecureDealer>(new SecureDealer(std::move(impl)));
}

base::Status SecureDealer::send(std::string_view bytes) {
  if (bytes.size() > impl_->options.message_bytes_max) {
    return base::error_of(NetError::MessageTooLarge, fmt::format("a message of {} bytes, the limit is {}", bytes.size(),
                                                                 impl_->options.message_bytes_max));
  }
  if (!impl_->reader) return base::error_of(NetError::QueueFull, "not connected");
  const int cause = send_in_parts(impl_->socket, bytes, impl_->options.part_bytes_max);
  impl_->reader->check();
  if (cause == 0) return {};
  if (cause == EAGAIN) {
    return base::error_of(NetError::QueueFull, impl_->connected ? "the queue to the server is full" : "not connected");
  }
  return base::error_of(NetError::Zmq, std::string("send: ") + zmq_strerror(cause));
}

bool SecureDealer::connected() const {
  return impl_->connected;
}

}  // namespace framemill::net
