// Both ends of a secure link, each on a loop thread of its own, which note what they get. For tests.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "loop_thread.h"
#include "net/secure_dealer.h"
#include "net/secure_router.h"

namespace framemill::net::testing {

inline constexpr base::Duration kFast = base::milliseconds(50);
inline constexpr std::size_t kMessageBytesMax = 3 << 20;  // in parts of 1 MiB

// A router on a loop, which notes what it gets and answers "echo:<message>".
struct Server {
  LoopThread thread;
  CurveKeyPair keys = make_curve_key_pair();
  std::unique_ptr<SecureRouter> router;
  std::mutex mutex;
  std::vector<std::tuple<PeerId, CurvePublicKey, std::string>> seen;
  std::set<std::string> addresses;

  explicit Server(std::vector<CurvePublicKey> allowed, std::string endpoint = "tcp://127.0.0.1:*", bool echo = true) {
    SecureRouterOptions options;
    options.endpoint = std::move(endpoint);
    options.keys = keys;
    options.allowed = std::move(allowed);
    options.handshake_timeout = base::seconds(2);
    options.message_bytes_max = kMessageBytesMax;
    thread.on_loop([&] {
      auto opened = SecureRouter::open(thread.loop, options, [this, echo](const PeerMessage& message) {
        const std::string bytes(message.bytes);
        {
          std::lock_guard lock(mutex);
          seen.emplace_back(message.peer, message.key, bytes);
          addresses.insert(std::string(message.address));
        }
        if (echo) (void)router->send(message.peer, "echo:" + bytes).ok();
      });
      REQUIRE(opened.ok());
      router = *std::move(opened);
    });
  }
  ~Server() {
    thread.on_loop([&] { router.reset(); });
  }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return seen.size();
  }
};

struct Client {
  LoopThread thread;
  CurveKeyPair keys;
  std::unique_ptr<SecureDealer> dealer;
  std::mutex mutex;
  std::vector<std::string> got;
  std::vector<std::pair<LinkState, std::string>> links;

  Client(const Server& server, CurveKeyPair own_keys)
      : Client(server.router->endpoint(), server.keys.public_key, own_keys) {}
  Client(const std::string& endpoint, const CurvePublicKey& server_key, CurveKeyPair own_keys) : keys(own_keys) {
    SecureDealerOptions options;
    options.endpoint = endpoint;
    options.keys = keys;
    options.server_key = server_key;
    options.reconnect_first = kFast;
    options.reconnect_max = kFast * 4;
    options.message_bytes_max = kMessageBytesMax;
    thread.on_loop([&] {
      auto opened = SecureDealer::open(thread.loop, options,
                                       {[this](std::string_view bytes) {
                                          std::lock_guard lock(mutex);
                                          got.emplace_back(bytes);
                                        },
                                        [this](LinkState state, const std::string& text) {
                                          std::lock_guard lock(mutex);
                                          links.emplace_back(state, text);
                                        }});
      REQUIRE(opened.ok());
      dealer = *std::move(opened);
    });
  }
  ~Client() {
    thread.on_loop([&] { dealer.reset(); });
  }
  base::Status send(std::string_view bytes) {
    return thread.on_loop([&] { return dealer->send(bytes); });
  }
  bool connected() {
    return eventually([&] { return thread.on_loop([&] { return dealer->connected(); }); });
  }
  bool saw(LinkState state) {
    std::lock_guard lock(mutex);
    for (const auto& [s, text] : links) {
      if (s == state) return true;
    }
    return false;
  }
  bool has(const std::string& message) {
    std::lock_guard lock(mutex);
    return std::find(got.begin(), got.end(), message) != got.end();
  }
};

}  // namespace framemill::net::testing
