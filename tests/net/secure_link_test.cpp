#include <zmq.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <set>

#include "secure_link_ends.h"

namespace framemill::net {

using testing::Client;
using testing::eventually;
using testing::kMessageBytesMax;
using testing::LoopThread;
using testing::Server;

namespace {

// A bare ZeroMQ socket, for peers that do not play by the rules.
struct Bare {
  void* context = zmq_ctx_new();
  void* socket;
  explicit Bare(int type) : socket(zmq_socket(context, type)) { set(ZMQ_LINGER, 0); }
  ~Bare() {
    zmq_close(socket);
    zmq_ctx_term(context);
  }
  void set(int option, int value) { REQUIRE(zmq_setsockopt(socket, option, &value, sizeof value) == 0); }
  void set(int option, const std::string& value) {
    REQUIRE(zmq_setsockopt(socket, option, value.data(), value.size()) == 0);
  }
  void curve_client(const CurveKeyPair& keys, const CurvePublicKey& server) {
    const auto text = [](const std::array<std::uint8_t, 32>& b) { return std::string(b.begin(), b.end()); };
    set(ZMQ_CURVE_SERVERKEY, text(server.bytes));
    set(ZMQ_CURVE_PUBLICKEY, text(keys.public_key.bytes));
    set(ZMQ_CURVE_SECRETKEY, text(keys.secret_key.bytes));
  }
  void curve_server(const CurveKeyPair& keys) {
    set(ZMQ_CURVE_SERVER, 1);
    set(ZMQ_CURVE_SECRETKEY, std::string(keys.secret_key.bytes.begin(), keys.secret_key.bytes.end()));
  }
  std::string bind() {
    REQUIRE(zmq_bind(socket, "tcp://127.0.0.1:*") == 0);
    char text[256];
    std::size_t size = sizeof text;
    REQUIRE(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, text, &size) == 0);
    return text;
  }
  void connect(const std::string& endpoint) { REQUIRE(zmq_connect(socket, endpoint.c_str()) == 0); }
  void send(const std::string& bytes, int flags = 0) { zmq_send(socket, bytes.data(), bytes.size(), flags); }
  std::string receive(int ms_max) {
    set(ZMQ_RCVTIMEO, ms_max);
    char bytes[1024];
    const int size = zmq_recv(socket, bytes, sizeof bytes, 0);
    return size < 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(std::min<int>(size, 1024)));
  }
};

}  // namespace

TEST_CASE("a listed key gets in, and its messages carry that key") {
  const CurveKeyPair a = make_curve_key_pair(), b = make_curve_key_pair();
  Server server({a.public_key, b.public_key});
  Client client_a(server, a), client_b(server, b);
  REQUIRE(client_a.connected());
  REQUIRE(client_b.connected());
  REQUIRE(client_a.send("from a").ok());
  REQUIRE(client_b.send("from b").ok());
  CHECK(eventually([&] { return client_a.has("echo:from a") && client_b.has("echo:from b"); }));
  CHECK_FALSE(client_a.has("echo:from b"));
  std::lock_guard lock(server.mutex);
  REQUIRE(server.seen.size() == 2);
  for (const auto& [peer, key, text] : server.seen) CHECK(key == (text == "from a" ? a.public_key : b.public_key));
  CHECK(std::get<0>(server.seen[0]) != std::get<0>(server.seen[1]));
}

TEST_CASE("an unlisted key is refused with a message that says what to do, and gets in once it is listed") {
  const CurveKeyPair stranger = make_curve_key_pair();
  Server server({make_curve_key_pair().public_key});
  Client client(server, stranger);
  CHECK(eventually([&] { return client.saw(LinkState::Refused); }));
  CHECK_FALSE(client.thread.on_loop([&] { return client.dealer->connected(); }));
  CHECK_FALSE(client.send("hello").ok());
  {
    std::lock_guard lock(client.mutex);
    CHECK(client.links.back().second.find(stranger.public_key.z85()) != std::string::npos);
  }
  CHECK(eventually([&] { return server.router->counters().peers_refused_key >= 2; }));  // the self-test's and this one
  server.router->allow_only({stranger.public_key});
  CHECK(server.router->allows(stranger.public_key));
  REQUIRE(client.connected());
  REQUIRE(client.send("hello").ok());
  CHECK(eventually([&] { return client.has("echo:hello"); }));
}

TEST_CASE("that the server refused a key stays said while the server is away") {
  const CurveKeyPair stranger = make_curve_key_pair();
  auto server = std::make_unique<Server>(std::vector{make_curve_key_pair().public_key});
  Client client(*server, stranger);
  REQUIRE(eventually([&] { return client.saw(LinkState::Refused); }));
  server.reset();
  const auto says_something_else = [&] {
    std::lock_guard lock(client.mutex);
    return client.links.back().second.find(stranger.public_key.z85()) == std::string::npos;
  };
  CHECK_FALSE(eventually(says_something_else, 1000));  // several tries to connect
}

TEST_CASE("peers without CURVE, with PLAIN and with a wrong server key are refused") {
  const CurveKeyPair good = make_curve_key_pair();
  Server server({good.public_key});
  const auto before = server.router->counters();
  Bare none(ZMQ_DEALER), plain(ZMQ_DEALER), wrong(ZMQ_DEALER);
  plain.set(ZMQ_PLAIN_USERNAME, std::string("admin"));
  plain.set(ZMQ_PLAIN_PASSWORD, std::string("admin"));
  wrong.curve_client(good, make_curve_key_pair().public_key);
  for (Bare* peer : {&none, &plain, &wrong}) {
    peer->connect(server.router->endpoint());
    peer->send("let me in");
  }
  CHECK(eventually(
      [&] { return server.router->counters().peers_refused_handshake >= before.peers_refused_handshake + 3; }));
  CHECK(server.router->counters().peers_admitted == before.peers_admitted);
  CHECK(server.count() == 0);
}

TEST_CASE("a client that expects another server key does not talk to this server") {
  const CurveKeyPair good = make_curve_key_pair();
  Server server({good.public_key});
  Client client(server.router->endpoint(), make_curve_key_pair().public_key, good);
  CHECK(eventually([&] { return client.saw(LinkState::EndedEarly) || client.saw(LinkState::NotTrusted); }));
  CHECK_FALSE(client.send("hello").ok());
  CHECK_FALSE(client.saw(LinkState::Connected));
}

TEST_CASE("the self-test finds a port that lets strangers in") {
  const CurveKeyPair keys = make_curve_key_pair();
  Bare open(ZMQ_ROUTER);  // CURVE, but nobody who looks at keys
  open.curve_server(keys);
  auto status = check_refuses_strangers(open.bind(), keys.public_key, base::seconds(3));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "net.not_secure");
  CHECK(status.error().message.find("any key") != std::string::npos);

  Bare naked(ZMQ_ROUTER);  // no security at all
  status = check_refuses_strangers(naked.bind(), keys.public_key, base::seconds(3));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "net.not_secure");
  CHECK(status.error().message.find("without a key") != std::string::npos);

  status = check_refuses_strangers("tcp://127.0.0.1:1", keys.public_key, base::milliseconds(200));
  REQUIRE_FALSE(status.ok());  // no answer proves nothing
  CHECK(status.error().code == "net.zmq");
}

TEST_CASE("the self-test passes on our own port") {
  Server server({});
  CHECK(check_refuses_strangers(server.router->endpoint(), server.keys.public_key, base::seconds(3)).ok());
}

TEST_CASE("a message over the limit drops the peer and harms nobody else") {
  const CurveKeyPair bad = make_curve_key_pair(), good = make_curve_key_pair();
  Server server({bad.public_key, good.public_key});
  Client other(server, good);
  REQUIRE(other.connected());
  Bare peer(ZMQ_DEALER);
  peer.curve_client(bad, server.keys.public_key);
  peer.connect(server.router->endpoint());
  peer.send("small");
  REQUIRE(peer.receive(5000) == "echo:small");
  const auto closed = server.router->counters().connections_closed;
  peer.send(std::string((1 << 20) + 1000, 'x'));
  CHECK(eventually([&] { return server.router->counters().connections_closed > closed; }));
  CHECK(server.count() == 1);
  REQUIRE(other.send("still here").ok());
  CHECK(eventually([&] { return other.has("echo:still here"); }));
  CHECK(other.send(std::string(kMessageBytesMax + 1, 'x')).error().code == "net.message_too_large");
  REQUIRE(other.send(std::string(kMessageBytesMax, 'y')).ok());  // exactly the limit passes
  CHECK(eventually([&] { return server.count() == 3; }));
}

TEST_CASE("a peer that names itself is not listened to and cannot take another's messages") {
  const CurveKeyPair honest = make_curve_key_pair(), spoofer = make_curve_key_pair();
  Server server({honest.public_key, spoofer.public_key}, "tcp://127.0.0.1:*", false);
  Client client(server, honest);
  REQUIRE(client.connected());
  REQUIRE(client.send("one").ok());
  REQUIRE(eventually([&] { return server.count() == 1; }));
  const PeerId victim = std::get<0>(server.seen[0]);

  Bare liar(ZMQ_DEALER);
  liar.set(ZMQ_ROUTING_ID, std::string("worker-1"));
  liar.curve_client(spoofer, server.keys.public_key);
  liar.connect(server.router->endpoint());
  liar.send("I am worker-1");
  CHECK(eventually([&] { return server.router->counters().messages_dropped == 1; }));
  CHECK(server.count() == 1);
  for (int i = 0; i < 10; ++i) {
    server.thread.on_loop([&] { REQUIRE(server.router->send(victim, "for the victim").ok()); });
  }
  CHECK(liar.receive(200).empty());
  CHECK(eventually([&] { return client.has("for the victim"); }));
}

TEST_CASE("a long message travels in parts and arrives whole, in both directions") {
  const CurveKeyPair keys = make_curve_key_pair();
  Server server({keys.public_key});
  Client client(server, keys);
  REQUIRE(client.connected());
  std::string message;
  for (int i = 0; message.size() < (5 << 19); ++i) message += std::to_string(i);
  REQUIRE(client.send(message).ok());
  REQUIRE(client.send("short").ok());
  CHECK(eventually([&] { return client.has("echo:" + message) && client.has("echo:short"); }));
}

TEST_CASE("parts are joined up to the limit, and what is longer is dropped without its sender") {
  const CurveKeyPair keys = make_curve_key_pair();
  Server server({keys.public_key});
  Bare peer(ZMQ_DEALER);
  peer.curve_client(keys, server.keys.public_key);
  peer.connect(server.router->endpoint());
  peer.send("a", ZMQ_SNDMORE);
  peer.send("b");
  CHECK(peer.receive(5000) == "echo:ab");
  for (int i = 0; i < 4; ++i) peer.send(std::string(1 << 20, 'x'), ZMQ_SNDMORE);
  peer.send("end");
  peer.send("", ZMQ_SNDMORE);
  peer.send("after an empty part");
  peer.send("whole");
  CHECK(peer.receive(5000) == "echo:whole");
  CHECK(server.router->counters().messages_dropped == 2);
}

TEST_CASE("sending to a peer that is gone or was never there is an error") {
  const CurveKeyPair keys = make_curve_key_pair();
  Server server({keys.public_key});
  PeerId peer;
  {
    Client client(server, keys);
    REQUIRE(client.connected());
    REQUIRE(client.send("hello").ok());
    REQUIRE(eventually([&] { return server.count() == 1; }));
    peer = std::get<0>(server.seen[0]);
  }
  const auto send = [&](PeerId to) { return server.thread.on_loop([&] { return server.router->send(to, "x"); }); };
  CHECK(eventually([&] { return !send(peer).ok(); }));
  CHECK(send(peer).error().code == "net.peer_gone");
  CHECK(send(PeerId(12345)).error().code == "net.peer_gone");
  CHECK(send(PeerId()).error().code == "net.peer_gone");
}

TEST_CASE("a peer that does not read fills its queue, which is an error and not a wait") {
  const CurveKeyPair slow_keys = make_curve_key_pair(), good_keys = make_curve_key_pair();
  Server server({slow_keys.public_key, good_keys.public_key}, "tcp://127.0.0.1:*", false);
  Bare slow(ZMQ_DEALER);
  slow.set(ZMQ_RCVHWM, 1);
  slow.set(ZMQ_RCVBUF, 4096);
  slow.curve_client(slow_keys, server.keys.public_key);
  slow.connect(server.router->endpoint());
  slow.send("hello");
  REQUIRE(eventually([&] { return server.count() == 1; }));
  const PeerId peer = std::get<0>(server.seen[0]);
  const std::string big(1 << 20, 'z');
  std::string code;
  server.thread.on_loop([&] {
    for (int i = 0; i < 2000 && code.empty(); ++i) {
      if (auto status = server.router->send(peer, big); !status.ok()) code = status.error().code;
    }
  });
  CHECK(code == "net.queue_full");
  Client good(server, good_keys);
  REQUIRE(good.connected());
  REQUIRE(good.send("me").ok());
  REQUIRE(eventually([&] { return server.count() == 2; }));
  server.thread.on_loop([&] { REQUIRE(server.router->send(std::get<0>(server.seen[1]), "you").ok()); });
  CHECK(eventually([&] { return good.has("you"); }));
}

// libzmq 4.3.4 aborts the process when its own heartbeat falls due on a connection that broke while its input was stopped
// because nobody read it; so the sockets must work without that heartbeat.
TEST_CASE("a peer that floods a busy loop and then goes away does not end the process") {
  const CurveKeyPair keys = make_curve_key_pair(), server_keys = make_curve_key_pair();
  LoopThread thread;
  std::atomic<int> received{0};
  auto router = thread.on_loop([&] {
    SecureRouterOptions options;
    options.keys = server_keys;
    options.allowed = {keys.public_key};
    options.heartbeat_interval = base::milliseconds(100);
    auto opened = SecureRouter::open(thread.loop, options, [&](const PeerMessage&) { ++received; });
    REQUIRE(opened.ok());
    return *std::move(opened);
  });
  {
    Bare peer(ZMQ_DEALER);
    peer.curve_client(keys, server_keys.public_key);
    peer.connect(router->endpoint());
    peer.send("hello");
    REQUIRE(eventually([&] { return received == 1; }));
    thread.loop.post([] { std::this_thread::sleep_for(std::chrono::milliseconds(1500)); });
    for (int i = 0; i < 2000; ++i) peer.send(std::string(1000, 'x'), ZMQ_DONTWAIT);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  thread.on_loop([] {});  // the loop is back
  CHECK(eventually([&] { return received > 50; }));
  thread.on_loop([&] { router.reset(); });
}

TEST_CASE("thousands of messages in both directions all arrive, whatever the edges of the descriptor") {
  const CurveKeyPair keys = make_curve_key_pair();
  Server server({keys.public_key});
  Client client(server, keys);
  REQUIRE(client.connected());
  int sent = 0;
  for (int round = 0; round < 200; ++round) {
    client.thread.on_loop([&] {
      for (int i = 0; i < 30; ++i) sent += client.dealer->send(std::to_string(sent)).ok() ? 1 : 0;
    });
    // Never more in flight than the queues hold: nothing may be refused or lost then.
    REQUIRE(eventually([&] {
      std::lock_guard lock(client.mutex);
      return static_cast<int>(client.got.size()) == sent;
    }));
  }
  CHECK(sent == 6000);
}

TEST_CASE("a client finds its server again after a restart and says so") {
  const CurveKeyPair keys = make_curve_key_pair();
  auto server = std::make_unique<Server>(std::vector{keys.public_key});
  const std::string endpoint = server->router->endpoint();
  const CurveKeyPair server_keys = server->keys;
  Client client(*server, keys);
  REQUIRE(client.connected());
  server.reset();
  CHECK(eventually([&] { return client.saw(LinkState::Disconnected); }));
  CHECK(client.send("nobody there").error().code == "net.queue_full");
  LoopThread thread;
  std::atomic<int> received{0};
  auto router = thread.on_loop([&] {
    SecureRouterOptions options;
    options.endpoint = endpoint;
    options.keys = server_keys;
    options.allowed = {keys.public_key};
    auto opened = SecureRouter::open(thread.loop, options, [&](const PeerMessage&) { ++received; });
    REQUIRE(opened.ok());
    return *std::move(opened);
  });
  REQUIRE(client.connected());
  REQUIRE(client.send("again").ok());
  CHECK(eventually([&] { return received == 1; }));
  thread.on_loop([&] { router.reset(); });
}

TEST_CASE("a port that is taken and an endpoint that is none are plain errors") {
  Server server({});
  LoopThread thread;
  thread.on_loop([&] {
    SecureRouterOptions options;
    options.keys = make_curve_key_pair();
    options.endpoint = server.router->endpoint();
    auto taken = SecureRouter::open(thread.loop, options, [](const PeerMessage&) {});
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().code == "net.bind");
    SecureDealerOptions dealer;
    dealer.endpoint = "nonsense";
    dealer.keys = make_curve_key_pair();
    dealer.server_key = server.keys.public_key;
    auto bad = SecureDealer::open(thread.loop, dealer, {[](std::string_view) {}, {}});
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.error().code == "net.connect");
  });
}

}  // namespace framemill::net
