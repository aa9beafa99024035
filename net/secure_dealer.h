// A worker's end of the wire: a ZeroMQ DEALER with a CURVE key of its own that talks to the one server whose public key
// it knows. Reconnects by itself for ever, with jitter and growing pauses; a lost connection proves nothing about what
// the other side did. Lives on an EventLoop: construct, call and destroy it on the loop's thread (or before run()).
//
// Errors: net.connect (a bad endpoint), net.zmq, net.queue_full (also: not connected), net.message_too_large.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/curve_keys.h"

namespace framemill::net {

class EventLoop;

struct SecureDealerOptions {
  std::string endpoint;  // tcp://host:port
  CurveKeyPair keys;
  CurvePublicKey server_key;
  std::size_t message_bytes_max = 1 << 20;  // all parts of a message together
  std::size_t part_bytes_max = 1 << 20;     // a longer message travels in several
  int queue_messages_max = 64;              // per direction
  base::Duration handshake_timeout = base::seconds(5);
  base::Duration heartbeat_interval = base::seconds(5);
  base::Duration reconnect_first = base::milliseconds(200);  // plus up to as much again by chance
  base::Duration reconnect_max = base::seconds(10);
};

enum class LinkState {
  Connected,     // handshake done: say again what is, the server may be a new one
  Disconnected,  // or the attempt failed; trying again
  Refused,       // the server does not know our key
  NotTrusted,    // no CURVE over there, or not with the key that we expect
  EndedEarly,    // the server closed in the handshake: busy, restarting, or it has another key; trying again
};

class SecureDealer {
 public:
  struct Callbacks {
    std::function<void(std::string_view bytes)> on_message;  // valid during the call only
    // The text says what to look at ("the server refused our key <z85>: add it to its allowlist"). Called on changes.
    std::function<void(LinkState state, const std::string& text)> on_link;
  };

  static base::Result<std::unique_ptr<SecureDealer>> open(EventLoop& loop, SecureDealerOptions options,
                                                          Callbacks callbacks);
  ~SecureDealer();

  // Never blocks. Messages are queued only while connected; what was queued when a connection died is lost.
  base::Status send(std::string_view bytes);
  bool connected() const;

 private:
  struct Impl;
  explicit SecureDealer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace framemill::net
