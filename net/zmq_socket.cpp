#include "net/zmq_socket.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace framemill::net {

base::Error zmq_failure(std::string_view what) {
  return {"net.zmq", std::string(what) + ": " + zmq_strerror(zmq_errno()), "", ""};
}

ZmqSocket& ZmqSocket::operator=(ZmqSocket&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

void ZmqSocket::close() {
  if (handle_ != nullptr) zmq_close(std::exchange(handle_, nullptr));
}

base::Status ZmqSocket::set(int option, int value) const {
  if (zmq_setsockopt(handle_, option, &value, sizeof value) == 0) return {};
  return zmq_failure("set ZeroMQ option " + std::to_string(option) + " to " + std::to_string(value));
}

base::Status ZmqSocket::set(int option, std::int64_t value) const {
  if (zmq_setsockopt(handle_, option, &value, sizeof value) == 0) return {};
  return zmq_failure("set ZeroMQ option " + std::to_string(option) + " to " + std::to_string(value));
}

base::Status ZmqSocket::set(int option, std::string_view bytes) const {
  if (zmq_setsockopt(handle_, option, bytes.data(), bytes.size()) == 0) return {};
  // No value in the text: it may be a secret key.
  return zmq_failure("set ZeroMQ option " + std::to_string(option));
}

base::Status ZmqSocket::bind(const std::string& endpoint) const {
  if (zmq_bind(handle_, endpoint.c_str()) == 0) return {};
  base::Error error = zmq_failure("listen on " + endpoint);
  error.code = "net.bind";
  error.hint = "is the address this host's, the port free, and the form tcp://ADDRESS:PORT?";
  return error;
}

base::Status ZmqSocket::connect(const std::string& endpoint) const {
  if (zmq_connect(handle_, endpoint.c_str()) == 0) return {};
  base::Error error = zmq_failure("connect to " + endpoint);
  error.code = "net.connect";
  error.hint = "the form is tcp://HOST:PORT";
  return error;
}

std::string ZmqSocket::last_endpoint() const {
  char text[512] = {};
  std::size_t size = sizeof text;
  if (zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, text, &size) != 0 || size == 0) return {};
  return std::string(text, size - 1);
}

int ZmqSocket::fd() const {
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  zmq_getsockopt(handle_, ZMQ_FD, &descriptor, &size);
  return descriptor;
}

bool ZmqSocket::readable() const {
  int events = 0;
  std::size_t size = sizeof events;
  return zmq_getsockopt(handle_, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

base::Result<ZmqSocket> ZmqSocket::monitor(const ZmqContext& context, const std::string& name, int events) const {
  const std::string endpoint = "inproc://" + name;
  if (zmq_socket_monitor(handle_, endpoint.c_str(), events) != 0) return zmq_failure("watch connections");
  ZmqSocket pair(context, ZMQ_PAIR);
  if (!pair) return zmq_failure("make a monitor socket");
  FM_TRY(pair.set(ZMQ_LINGER, 0));
  FM_TRY(pair.connect(endpoint));
  return pair;
}

std::optional<ZmqEvent> receive_zmq_event(const ZmqSocket& monitor) {
  ZmqPart part;
  if (!part.receive(monitor, ZMQ_DONTWAIT)) return std::nullopt;
  ZmqEvent event;
  // Layout of zmq_socket_monitor(3): 16 bits of event, 32 bits of value, both in the host's order.
  const std::string_view bytes = part.bytes();
  if (bytes.size() >= 6) {
    std::uint16_t number = 0;
    std::memcpy(&number, bytes.data(), 2);
    std::memcpy(&event.value, bytes.data() + 2, 4);
    event.event = number;
  }
  while (part.more() && part.receive(monitor, ZMQ_DONTWAIT)) {
  }
  return event;
}

bool send_in_parts(const ZmqSocket& socket, std::string_view bytes, std::size_t part_bytes_max) {
  while (bytes.size() > part_bytes_max) {
    if (zmq_send(socket.get(), bytes.data(), part_bytes_max, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) return false;
    bytes.remove_prefix(part_bytes_max);
  }
  return zmq_send(socket.get(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) >= 0;
}

bool receive_whole(const ZmqSocket& socket, ZmqPart& part, std::string& joined, std::size_t bytes_max,
                   std::string_view& whole) {
  joined.clear();
  if (!part.more()) {
    whole = part.bytes();
    return whole.size() <= bytes_max;
  }
  bool fits = true;
  while (true) {
    fits = fits && part.bytes().size() > 0 && joined.size() + part.bytes().size() <= bytes_max;
    if (fits) joined += part.bytes();
    if (!part.more() || !part.receive(socket, ZMQ_DONTWAIT)) break;
  }
  whole = joined;
  return fits;
}

base::Status set_link_options(const ZmqSocket& socket, const ZmqLinkOptions& options) {
  // CURVE adds 33 bytes to a frame and the limit is held against what is on the wire; the exact limit is ours to check.
  FM_TRY(socket.set(ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(options.message_bytes_max) + 64));
  FM_TRY(socket.set(ZMQ_SNDHWM, options.queue_messages_max));
  FM_TRY(socket.set(ZMQ_RCVHWM, options.queue_messages_max));
  FM_TRY(socket.set(ZMQ_HANDSHAKE_IVL, static_cast<int>(options.handshake_timeout.ms)));
  // The kernel finds dead peers, not ZeroMQ's heartbeat: libzmq 4.3.4 aborts the process when a heartbeat falls due on a
  // connection that broke while its input was stopped (a peer that floods a busy loop and leaves).
  const int seconds = std::max(1, static_cast<int>(options.heartbeat_interval.ms / 1000));
  FM_TRY(socket.set(ZMQ_HEARTBEAT_IVL, 0));
  FM_TRY(socket.set(ZMQ_TCP_KEEPALIVE, 1));
  FM_TRY(socket.set(ZMQ_TCP_KEEPALIVE_IDLE, seconds));
  FM_TRY(socket.set(ZMQ_TCP_KEEPALIVE_INTVL, seconds));
  FM_TRY(socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3));
  FM_TRY(socket.set(ZMQ_TCP_MAXRT, seconds * 4000));  // the same for what was sent and never taken in
  FM_TRY(socket.set(ZMQ_LINGER, 0));
  return socket.set(ZMQ_IPV6, 1);
}

namespace {
std::string_view text_of(const std::array<std::uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace

base::Status set_curve_client(const ZmqSocket& socket, const CurveKeyPair& keys, const CurvePublicKey& server_key) {
  FM_TRY(socket.set(ZMQ_CURVE_SERVERKEY, text_of(server_key.bytes)));
  FM_TRY(socket.set(ZMQ_CURVE_PUBLICKEY, text_of(keys.public_key.bytes)));
  return socket.set(ZMQ_CURVE_SECRETKEY, text_of(keys.secret_key.bytes));
}

struct ZmqReader::State : std::enable_shared_from_this<ZmqReader::State> {
  EventLoop* loop = nullptr;
  const ZmqSocket* socket = nullptr;
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

ZmqReader::ZmqReader(EventLoop& loop, const ZmqSocket& socket, std::function<bool()> receive_one)
    : state_(std::make_shared<State>()) {
  state_->loop = &loop;
  state_->socket = &socket;
  state_->receive_one = std::move(receive_one);
  watch_ = loop.watch_fd(socket.fd(), [state = state_] { state->drain(); });
  state_->schedule();  // what came before the watch began made no edge
}

ZmqReader::~ZmqReader() {
  state_->alive = false;
}

void ZmqReader::check() {
  if (!state_->scheduled && state_->socket->readable()) state_->schedule();
}

}  // namespace framemill::net
