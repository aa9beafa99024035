// Private to the room: what both ends of a link need beyond cppzmq. Its exceptions become results here, messages travel
// in parts, and the drain-until-empty rule of ZeroMQ's edge-triggered descriptor is in one place.
#pragma once

#include <zmq.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "net/curve_keys.h"
#include "net/event_loop.h"

namespace framemill::net {

// A draft constant that the stable library honours: with it and a domain set, CURVE asks the ZAP handler or refuses.
inline constexpr zmq::sockopt::integral_option<93, int, true> kZapEnforceDomain;

base::Error zmq_failure(std::string_view what, const zmq::error_t& error);  // net.zmq, with the library's text

// Runs `act`; net.zmq where it throws.
template <class Act>
base::Status try_zmq(std::string_view what, Act&& act) {
  try {
    std::forward<Act>(act)();
    return {};
  } catch (const zmq::error_t& error) {
    return zmq_failure(what, error);
  }
}

base::Result<zmq::socket_t> make_socket(zmq::context_t& context, zmq::socket_type type);
base::Status bind_to(zmq::socket_t& socket, const std::string& endpoint);     // else net.bind
base::Status connect_to(zmq::socket_t& socket, const std::string& endpoint);  // else net.connect

// True when a part was received; false when there is none (or the context is ending).
bool receive_part(zmq::socket_ref socket, zmq::message_t& part);
// A property of the connection that the part came by, such as "User-Id"; empty where it has none.
std::string_view property_of(const zmq::message_t& part, const char* name);

// Sends all bytes as one message, in frames of at most `part_bytes_max`; the first decides whether there is room, the
// rest follows without waiting. 0, or the errno that says why nothing was sent.
int send_in_parts(zmq::socket_ref socket, std::string_view bytes, std::size_t part_bytes_max);
// The same behind a first frame that says for whom it is.
int send_in_parts_to(zmq::socket_ref socket, std::string_view peer, std::string_view bytes, std::size_t part_bytes_max);

// The whole message that begins with the part received last: all its parts, joined in `joined` where there are several.
// False: more than `bytes_max` bytes, or an empty part among several; the rest of the message is taken in and dropped.
bool receive_whole(zmq::socket_ref socket, zmq::message_t& part, std::string& joined, std::size_t bytes_max,
                   std::string_view& whole);

// Puts the socket's connection events on inproc://<name> and connects a PAIR to it. (zmq::monitor_t waits for events
// itself and does not show its descriptor, so it cannot be watched by an event loop.)
base::Result<zmq::socket_t> monitor_events(zmq::context_t& context, zmq::socket_t& socket, const std::string& name);
struct ZmqEvent {
  int event = 0;  // ZMQ_EVENT_...
  std::uint32_t value = 0;
};
// The next event of a monitor's PAIR, if one is there.
std::optional<ZmqEvent> next_event(zmq::socket_ref monitor);

// Limits and habits that both ends share: message size, queue, handshake time, keepalive, no lingering.
struct ZmqLinkOptions {
  std::size_t message_bytes_max;
  int queue_messages_max;
  base::Duration handshake_timeout;
  base::Duration heartbeat_interval;
};
base::Status set_link_options(zmq::socket_t& socket, const ZmqLinkOptions& options);
base::Status set_curve_client(zmq::socket_t& socket, const CurveKeyPair& keys, const CurvePublicKey& server_key);

// Calls `receive_one` until it says that nothing is left, whenever the socket's descriptor wakes up. ZMQ_FD tells edges
// only, and any call on the socket may swallow one: whoever sends must call check() afterwards. At most 256 calls in a
// row, so that a flood cannot keep the loop from its timers.
class ZmqReader {
 public:
  ZmqReader(EventLoop& loop, zmq::socket_ref socket, std::function<bool()> receive_one);
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
