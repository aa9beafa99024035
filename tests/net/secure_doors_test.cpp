// Who may come in at the workers' port, and where it opens.
#include "secure_link_ends.h"

namespace framemill::net {

using testing::Client;
using testing::eventually;
using testing::LoopThread;
using testing::Server;

TEST_CASE("a peer whose key is taken away is heard no more, and again once the key is back") {
  const CurveKeyPair keys = make_curve_key_pair(), other = make_curve_key_pair();
  Server server({keys.public_key, other.public_key});
  Client client(server, keys), witness(server, other);
  REQUIRE(client.connected());
  REQUIRE(witness.connected());
  REQUIRE(client.send("before").ok());
  REQUIRE(eventually([&] { return client.has("echo:before"); }));
  server.router->allow_only({other.public_key});
  REQUIRE(client.send("without").ok());
  CHECK(eventually([&] { return server.router->counters().messages_dropped == 1; }));
  REQUIRE(witness.send("still here").ok());
  CHECK(eventually([&] { return witness.has("echo:still here"); }));
  CHECK_FALSE(client.has("echo:without"));
  CHECK(server.count() == 2);
  server.router->allow_only({keys.public_key, other.public_key});
  REQUIRE(client.send("after").ok());
  CHECK(eventually([&] { return client.has("echo:after"); }));
}

TEST_CASE("every message comes with the address of its sender") {
  const CurveKeyPair keys = make_curve_key_pair();
  Server server({keys.public_key});
  Client client(server, keys);
  REQUIRE(client.connected());
  REQUIRE(client.send("hello").ok());
  CHECK(eventually([&] { return client.has("echo:hello"); }));
  std::lock_guard lock(server.mutex);
  CHECK(server.addresses == std::set<std::string>{"127.0.0.1"});
}

TEST_CASE("the workers' port opens beyond loopback only where that was allowed") {
  SecureRouterOptions options;
  for (const char* local : {"tcp://127.0.0.1:8751", "tcp://127.8.9.1:*", "tcp://[::1]:8751", "tcp://lo:8751",
                            "tcp://[::ffff:127.0.0.1]:8751"}) {
    options.endpoint = local;
    INFO(local);
    CHECK(check_listen_address(options).ok());
  }
  for (const char* remote :
       {"tcp://*:8751", "tcp://0.0.0.0:*", "tcp://[::]:8751", "tcp://10.0.0.1:8751", "tcp://[::ffff:10.0.0.1]:1",
        "tcp://eth0:8751", "tcp://farm.example:8751", "tcp://127.0.0.1.evil:1", "tcp://:8751"}) {
    options.endpoint = remote;
    options.allow_remote = false;
    INFO(remote);
    REQUIRE_FALSE(check_listen_address(options).ok());
    CHECK(check_listen_address(options).error().code == "net.not_loopback");
    options.allow_remote = true;
    CHECK(check_listen_address(options).ok());
  }
  LoopThread thread;
  thread.on_loop([&] {
    options.endpoint = "tcp://*:*";
    options.allow_remote = false;
    options.keys = make_curve_key_pair();
    const auto refused = SecureRouter::open(thread.loop, options, [](const PeerMessage&) {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == "net.not_loopback");
  });
}

}  // namespace framemill::net
