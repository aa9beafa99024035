// Private to the room: ZeroMQ's C handles with an owner, options that are checked, and the drain-until-empty rule of
// its edge-triggered descriptor in one place.
#pragma once

#include <zmq.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/curve_keys.h"
#include "net/event_loop.h"

namespace framemill::net {

// A draft constant that the stable library honours: with it and a domain set, CURVE asks the ZAP handler or refuses.
constexpr int kZmqZapEnforceDomain = 93;

base::Error zmq_failure(std::string_view what);  // net.zmq, with the text of zmq_errno()

class ZmqContext {
 public:
  ZmqContext() : handle_(zmq_ctx_new()) {}
  ~ZmqContext() { zmq_ctx_term(handle_); }
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  void* get() const { return handle_; }

 private:
  void* handle_;
};

class ZmqSocket {
 public:
  ZmqSocket() = default;
  ZmqSocket(const ZmqContext& context, int type) : handle_(zmq_socket(context.get(), type)) {}
  ~ZmqSocket() { close(); }
  ZmqSocket(ZmqSocket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ZmqSocket& operator=(ZmqSocket&& other) noexcept;
  void close();

  void* get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

  base::Status set(int option, int value) const;
  base::Status set(int option, std::int64_t value) const;
  base::Status set(int option, std::string_view bytes) const;
  base::Status bind(const std::string& endpoint) const;
  base::Status connect(const std::string& endpoint) const;
  std::string last_endpoint() const;
  int fd() const;
  bool readable() const;

  // Puts this socket's connection events on inproc://<name> and connects a PAIR to it.
  base::Result<ZmqSocket> monitor(const ZmqContext& context, const std::string& name, int events) const;

 private:
  void* handle_ = nullptr;
};

// Sends all bytes as one message, in frames of at most `part_bytes_max`; the first decides whether there is room, the
// rest follows without waiting. False: zmq_errno() says why, and nothing was sent.
bool send_in_parts(const ZmqSocket& socket, std::string_view bytes, std::size_t part_bytes_max);

// One received part; reused from part to part.
class ZmqPart {
 public:
  ZmqPart() { zmq_msg_init(&message_); }
  ~ZmqPart() { zmq_msg_close(&message_); }
  ZmqPart(const ZmqPart&) = delete;
  ZmqPart& operator=(const ZmqPart&) = delete;

  // False when there is nothing (or the context is ending).
  bool receive(const ZmqSocket& socket, int flags) { return zmq_msg_recv(&message_, socket.get(), flags) >= 0; }
  std::string_view bytes() { return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }
  bool more() { return zmq_msg_more(&message_) != 0; }
  const char* property(const char* name) { return zmq_msg_gets(&message_, name); }

 private:
  zmq_msg_t message_;
};

struct ZmqEvent {
  int event = 0;
  std::uint32_t value = 0;
};
// The next event of a monitor's PAIR, if one is there.
std::optional<ZmqEvent> receive_zmq_event(const ZmqSocket& monitor);

// The whole message that begins with the part received last: all its parts, joined in `joined` where there are several.
// False: more than `bytes_max` bytes, or an empty part among several; the rest of the message is taken in and dropped.
bool receive_whole(const ZmqSocket& socket, ZmqPart& part, std::string& joined, std::size_t bytes_max,
                   std::string_view& whole);

// Limits and habits that both ends share: message size, queue, handshake time, keepalive, no lingering.
struct ZmqLinkOptions {
  std::size_t message_bytes_max;
  int queue_messages_max;
  base::Duration handshake_timeout;
  base::Duration heartbeat_interval;
};
base::Status set_link_options(const ZmqSocket& socket, const ZmqLinkOptions& options);
base::Status set_curve_client(const ZmqSocket& socket, const CurveKeyPair& keys, const CurvePublicKey& server_key);

// Calls `receive_one` until it says that nothing is left, whenever the socket's descriptor wakes up. ZMQ_FD tells edges
// only, and any call on the socket may swallow one: whoever sends must call check() afterwards. At most 256 calls in a
// row, so that a flood cannot keep the loop from its timers.
class ZmqReader {
 public:
  ZmqReader(EventLoop& loop, const ZmqSocket& socket, std::function<bool()> receive_one);
  ~ZmqReader();
  ZmqReader(const ZmqReader&) = delete;
  ZmqReader& operator=(const ZmqReader&) = delete;
  void check();

 private:
  struct State;
  std::shared_ptr<State> state_;
  FdWatch watch_;
};

}  // namespace framemill::net
