// The scheduler's end of the wire: a ZeroMQ ROUTER that speaks only CURVE, lets in only listed public keys, and
// delivers each message with the authenticated key of its sender. Lives on an EventLoop: construct, call and destroy it
// on the loop's thread (or before run()); a thread of its own answers ZeroMQ's authentication questions (ZAP), so that
// a busy loop never stalls a handshake. allow_only() and counters() may be called from any thread.
//
// CURVE fails open when it is set up incompletely, so open() connects to itself with a random key and without any, and
// refuses to start if either gets in (net.not_secure).
//
// Errors: net.bind, net.not_loopback, net.not_secure, net.zmq, net.queue_full, net.peer_gone, net.message_too_large.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "base/time.h"
#include "net/curve_keys.h"

namespace framemill::net {

class EventLoop;

// One connection of a peer, chosen by the router. A peer that reconnects gets a new one; the key says who it is.
using PeerId = base::StrongId<struct PeerTag, std::uint64_t>;

struct SecureRouterOptions {
  std::string endpoint = "tcp://127.0.0.1:*";
  bool allow_remote = false;  // without it an address beyond loopback is refused
  CurveKeyPair keys;
  std::vector<CurvePublicKey> allowed;
  std::size_t message_bytes_max = 1 << 20;  // all parts of a message together
  std::size_t part_bytes_max = 1 << 20;     // a longer message travels in several
  int queue_messages_max = 64;              // per peer and direction
  base::Duration handshake_timeout = base::seconds(5);
  base::Duration heartbeat_interval = base::seconds(5);  // a peer whose host does not answer three is disconnected
};

// Whether open() would listen there: without allow_remote, tcp:// takes the literal loopback addresses and "lo" alone.
// Errors: net.not_loopback.
base::Status check_listen_address(const SecureRouterOptions& options);

// What came in. Everything is valid during the call only.
struct PeerMessage {
  PeerId peer;
  const CurvePublicKey& key;  // proved by the peer
  std::string_view address;   // "10.0.0.7": where the connection comes from
  std::string_view bytes;
};

// Since the start.
struct SecureRouterCounters {
  std::uint64_t peers_admitted = 0;
  std::uint64_t peers_refused_key = 0;        // CURVE, but the key is not listed
  std::uint64_t peers_refused_handshake = 0;  // no CURVE, wrong server key, rubbish, or too slow
  std::uint64_t connections_closed = 0;       // admitted or not
  std::uint64_t messages_received = 0;
  std::uint64_t messages_dropped = 0;  // a self-chosen identity, too large, no key, a key that was taken away
  std::uint64_t messages_sent = 0;
  std::uint64_t sends_refused = 0;  // queue full, peer gone, too large
};

class SecureRouter {
 public:
  // Destroying the router inside the callback is not allowed; post it.
  using OnMessage = std::function<void(const PeerMessage& message)>;

  static base::Result<std::unique_ptr<SecureRouter>> open(EventLoop& loop, SecureRouterOptions options,
                                                          OnMessage on_message);
  ~SecureRouter();

  // Where it listens, with the real port: "tcp://127.0.0.1:40123".
  const std::string& endpoint() const;
  // Never blocks. An error means that the message will not arrive; no error does not prove that it will.
  base::Status send(PeerId peer, std::string_view bytes);
  // Replaces the allowlist. Peers that are connected with a key that is not in it are heard no more; ZeroMQ cannot cut
  // their connections, so whoever keeps PeerIds must stop sending to them.
  void allow_only(std::vector<CurvePublicKey> keys);
  bool allows(const CurvePublicKey& key) const;
  SecureRouterCounters counters() const;

 private:
  struct Impl;
  explicit SecureRouter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Connects to `endpoint` with a random CURVE key, then with no security; an error if either handshake succeeds
// (net.not_secure), or if nothing answers within the timeout (net.zmq).
base::Status check_refuses_strangers(const std::string& endpoint, const CurvePublicKey& server_key,
                                     base::Duration timeout);

}  // namespace framemill::net
