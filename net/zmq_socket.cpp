#include "net/zmq_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "net/net_error.h"

namespace framemill::net {
namespace {

zmq::const_buffer key_buffer(const std::array<std::uint8_t, 32>& bytes) {
  return zmq::buffer(bytes.data(), bytes.size());
}

// 0, or why the frame was not sent.
int send_frame(zmq::socket_ref socket, std::string_view bytes, zmq::send_flags flags) {
  try {
    return socket.send(zmq::buffer(bytes), flags | zmq::send_flags::dontwait) ? 0 : EAGAIN;
  } catch (const zmq::error_t& error) {
    return error.num();
  }
}

}  // namespace

base::Error zmq_failure(std::string_view what, const zmq::error_t& error) {
  return base::error_of(NetError::Zmq, std::string(what) + ": " + error.what());
}

base::Result<zmq::socket_t> make_socket(zmq::context_t& context, zmq::socket_type type) {
  try {
    return zmq::socket_t(context, type);
  } catch (const zmq::error_t& error) {
    return zmq_failure("create a ZeroMQ socket", error);
  }
}

base::Status bind_to(zmq::socket_t& socket, const std::string& endpoint) {
  try {
    socket.bind(endpoint);
    return {};
  } catch (const zmq::error_t& cause) {
    base::Error error = zmq_failure("listen on " + endpoint, cause);
    error.code = text_of(NetError::Bind);
    error.hint = "is the address this host's, the port free, and the form tcp://ADDRESS:PORT?";
    return error;
  }
}

base::Status connect_to(zmq::socket_t& socket, const std::string& endpoint) {
  try {
    socket.connect(endpoint);
    return {};
  } catch (const zmq::error_t& cause) {
    base::Error error = zmq_failure("connect to " + endpoint, cause);
    error.code = text_of(NetError::Connect);
    error.hint = "the form is tcp://HOST:PORT";
    return error;
  }
}

bool receive_part(zmq::socket_ref socket, zmq::message_t& part) {
  try {
    return socket.recv(part, zmq::recv_flags::dontwait).has_value();
  } catch (const zmq::error_t&) {
    return false;
  }
}

std::string_view property_of(const zmq::message_t& part, const char* name) {
  // message_t::gets throws where the property is missing, which peers could make happen with every message.
  const char* value = zmq_msg_gets(const_cast<zmq_msg_t*>(part.handle()), name);
  return value != nullptr ? std::string_view(value) : std::string_view();
}

int send_in_parts(zmq::socket_ref socket, std::string_view bytes, std::size_t part_bytes_max) {
  while (bytes.size() > part_bytes_max) {
    if (const int cause = send_frame(socket, bytes.substr(0, part_bytes_max), zmq::send_flags::sndmore)) return cause;
    bytes.remove_prefix(part_bytes_max);
  }
  return send_frame(socket, bytes, zmq::send_flags::none);
}

int send_in_parts_to(zmq::socket_ref socket, std::string_view peer, std::string_view bytes,
                     std::size_t part_bytes_max) {
  // The first frame alone decides whether the peer is there and has room; the others then follow without waiting.
  if (const int cause = send_frame(socket, peer, zmq::send_flags::sndmore)) return cause;
  return send_in_parts(socket, bytes, part_bytes_max);
}

bool receive_whole(zmq::socket_ref socket, zmq::message_t& part, std::string& joined, std::size_t bytes_max,
                   std::string_view& whole) {
  joined.clear();
  if (!part.more()) {
    whole = part.to_string_view();
    return whole.size() <= bytes_max;
  }
  bool fits = true;
  while (true) {
    fits = fits && part.size() > 0 && joined.size() + part.size() <= bytes_max;
    if (fits) joined += part.to_string_view();
    if (!part.more() || !receive_part(socket, part)) break;
  }
  whole = joined;
  return fits;
}

base::Result<zmq::socket_t> monitor_events(zmq::context_t& context, zmq::socket_t& socket, const std::string& name) {
  const std::string endpoint = "inproc://" + name;
  if (zmq_socket_monitor(socket.handle(), endpoint.c_str(), ZMQ_EVENT_ALL) != 0)
    return zmq_failure("watch connections", zmq::error_t());
  FM_ASSIGN(zmq::socket_t pair, make_socket(context, zmq::socket_type::pair));
  FM_TRY(try_zmq("watch connections", [&] { pair.set(zmq::sockopt::linger, 0); }));
  FM_TRY(connect_to(pair, endpoint));
  return pair;
}

std::optional<ZmqEvent> next_event(zmq::socket_ref monitor) {
  zmq::message_t part;
  if (!receive_part(monitor, part)) return std::nullopt;
  ZmqEvent event;
  // Layout of zmq_socket_monitor(3): 16 bits of event, 32 bits of value, both in the host's order.
  if (part.size() >= 6) {
    std::uint16_t number = 0;
    std::memcpy(&number, part.data(), 2);
    std::memcpy(&event.value, part.data<char>() + 2, 4);
    event.event = number;
  }
  while (part.more() && receive_part(monitor, part)) {
  }
  return event;
}

base::Status set_link_options(zmq::socket_t& socket, const ZmqLinkOptions& options) {
  return try_zmq("set the link's limits", [&] {
    // CURVE adds 33 bytes to a frame and the limit is held against what is on the wire; the exact limit is ours to check.
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options.message_bytes_max) + 64);
    socket.set(zmq::sockopt::sndhwm, options.queue_messages_max);
    socket.set(zmq::sockopt::rcvhwm, options.queue_messages_max);
    socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(options.handshake_timeout.ms));
    // The kernel finds dead peers, not ZeroMQ's heartbeat: libzmq 4.3.4 aborts the process when a heartbeat falls due on
    // a connection that broke while its input was stopped (a peer that floods a busy loop and leaves).
    const int seconds = std::max(1, static_cast<int>(options.heartbeat_interval.ms / 1000));
    socket.set(zmq::sockopt::heartbeat_ivl, 0);
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::tcp_keepalive_idle, seconds);
    socket.set(zmq::sockopt::tcp_keepalive_intvl, seconds);
    socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
    socket.set(zmq::sockopt::tcp_maxrt, seconds * 4000);  // the same for what was sent and never taken in
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::ipv6, true);
  });
}

base::Status set_curve_client(zmq::socket_t& socket, const CurveKeyPair& keys, const CurvePublicKey& server_key) {
  return try_zmq("set the CURVE keys", [&] {
    socket.set(zmq::sockopt::curve_serverkey, key_buffer(server_key.bytes));
    socket.set(zmq::sockopt::curve_publickey, key_buffer(keys.public_key.bytes));
    socket.set(zmq::sockopt::curve_secretkey, key_buffer(keys.secret_key.bytes));
  });
}

struct ZmqReader::State : std::enable_shared_from_this<ZmqReader::State> {
  EventLoop* loop = nullptr;
  zmq::socket_ref socket;
  std::function<bool()> receive_one;
  bool alive = true;
  bool scheduled = false;

  void schedule() {
    if (std::exchange(scheduled, true)) return;
    loop->post([self = shared_from_this()] {
      self->scheduled = false;
      self->drain();
    });
  }

  void drain() {
    for (int i = 0; i < 256; ++i) {
      if (!alive || !receive_one()) return;
    }
    if (alive) schedule();
  }
};

ZmqReader::ZmqReader(EventLoop& loop, zmq::socket_ref socket, std::function<bool()> receive_one)
    : state_(std::make_shared<State>()) {
  state_->loop = &loop;
  state_->socket = socket;
  state_->receive_one = std::move(receive_one);
  watch_ = loop.watch_fd(socket.get(zmq::sockopt::fd), [state = state_] { state->drain(); });
  state_->schedule();  // what came before the watch began made no edge
}

ZmqReader::~ZmqReader() {
  state_->alive = false;
}

void ZmqReader::check() {
  if (!state_->scheduled && (state_->socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0) state_->schedule();
}

}  // namespace framemill::net
