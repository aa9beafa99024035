#include "net/http_server.h"

#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "served.h"

namespace framemill::net {

using testing::eventually;
using testing::LoopThread;
using testing::RawSocket;
using testing::Served;
using testing::short_times;
using testing::starts_with;

TEST_CASE("a request gets its answer over TCP") {
  Served served;
  auto reply = served.client().send({"POST", "/a?b=1", {}, "body", "text/plain"});
  REQUIRE(reply.ok());
  CHECK(reply->status == 200);
  CHECK(reply->body == "POST /a?b=1 body");
  CHECK(reply->content_type == "text/plain");
  CHECK(*reply->header("x-uid") == "none");
}

TEST_CASE("a Unix socket gets the mode and the group that it shall have") {
  const auto path =
      std::filesystem::temp_directory_path() / ("framemill-" + std::to_string(base::random_u64()) + ".sock");
  HttpServerOptions options;
  options.listen = "unix:" + path.string();
  options.unix_mode = 0660;
  options.unix_group = "no-such-group-here";
  CHECK(check_listen_address(options).error().code == "net.bind");
  LoopThread thread;
  thread.on_loop(
      [&] { CHECK(HttpServer::open(thread.loop, options, [](HttpRequest, Responder) {}).error().code == "net.bind"); });
  CHECK_FALSE(std::filesystem::exists(path));
  if (::geteuid() != 0) return;  // who else is in which group, nobody knows
  options.unix_group = "daemon";
  CHECK(check_listen_address(options).ok());
  Served served(options);
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0660);
  const struct group* daemon = ::getgrnam("daemon");
  REQUIRE(daemon != nullptr);
  CHECK(info.st_gid == daemon->gr_gid);
}

TEST_CASE("a socket in a directory that is not there is refused before it is opened") {
  HttpServerOptions options;
  options.listen = "unix:/nowhere/at/all.sock";
  CHECK(check_listen_address(options).error().code == "net.bind");
  options.listen = "unix:" + (std::filesystem::temp_directory_path() / "framemill.sock").string();
  CHECK(check_listen_address(options).ok());
}

TEST_CASE("a request gets its answer over a Unix socket, with the caller's uid") {
  const auto path =
      std::filesystem::temp_directory_path() / ("framemill-" + std::to_string(base::random_u64()) + ".sock");
  HttpServerOptions options;
  options.listen = "unix:" + path.string();
  {
    Served served(options);
    auto reply = served.client().send({"GET", "/x", {}, "", ""});
    REQUIRE(reply.ok());
    CHECK(reply->body == "GET /x ");
    CHECK(*reply->header("x-uid") == std::to_string(::getuid()));
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    // A second server must not take the socket away from the first.
    LoopThread other;
    other.on_loop([&] {
      auto second = HttpServer::open(other.loop, options, [](HttpRequest, Responder) {});
      REQUIRE_FALSE(second.ok());
      CHECK(second.error().code == "net.bind");
    });
  }
  CHECK_FALSE(std::filesystem::exists(path));
  // A file left by a server that died is replaced; a file that is no socket is not.
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
    Served served(options);
    CHECK(served.client().send({}).ok());
  }
  std::ofstream(path) << "mine";
  LoopThread thread;
  thread.on_loop(
      [&] { CHECK(HttpServer::open(thread.loop, options, [](HttpRequest, Responder) {}).error().code == "net.bind"); });
  CHECK(std::filesystem::file_size(path) == 4);
  std::filesystem::remove(path);
}

TEST_CASE("several requests go over one connection, also when sent at once") {
  Served served;
  RawSocket socket(served.server->port());
  socket.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");
  const std::string all = socket.receive();
  const auto first = all.find("GET /1"), second = all.find("GET /2"), third = all.find("GET /3");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
  CHECK(socket.ended());
  CHECK(served.counters().connections_accepted == 1);
}

TEST_CASE("an answer may come from another thread, and a dropped Responder makes a 500") {
  Served served;
  CHECK(served.client().send({"GET", "/later", {}, "", ""})->body == "later");
  auto never = served.client().send({"GET", "/never", {}, "", ""});
  REQUIRE(never.ok());
  CHECK(never->status == 500);
  CHECK(never->body.find("http.no_answer") != std::string::npos);
}

TEST_CASE("HEAD gets the length and no body") {
  Served served;
  const std::string reply = served.exchange("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(starts_with(reply, "HTTP/1.1 200"));
  CHECK(reply.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(reply.substr(reply.size() - 4) == "\r\n\r\n");
  CHECK(served.client().send({"HEAD", "/x", {}, "", ""})->status == 200);
}

TEST_CASE("a header value cannot smuggle a second header") {
  Served served;
  auto reply = served.client().send({"GET", "/x?header=a%0d%0aX-Evil:%201", {}, "", ""});
  REQUIRE(reply.ok());
  CHECK(reply->header("X-Evil") == nullptr);
  CHECK(*reply->header("X-Echo") == "aX-Evil: 1");
}

TEST_CASE("a header that is too large gets 431") {
  Served served;
  const std::string large = "GET / HTTP/1.1\r\nX: " + std::string(17 * 1024, 'a') + "\r\n\r\n";
  CHECK(starts_with(served.exchange(large), "HTTP/1.1 431"));
  CHECK(starts_with(served.exchange("GET /" + std::string(200 * 1024, 'a')), "HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 5000; ++i) many += "a: b\r\n";
  CHECK(starts_with(served.exchange(many + "\r\n"), "HTTP/1.1 431"));
}

TEST_CASE("a body that is too large gets 413, and the client can read it") {
  Served served;
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n";
  CHECK(starts_with(served.exchange(head), "HTTP/1.1 413"));
  auto reply = served.client().send({"POST", "/", {}, std::string(3'000'000, 'x'), "text/plain"});
  REQUIRE(reply.ok());
  CHECK(reply->status == 413);
  CHECK(reply->body.find("http.too_large") != std::string::npos);
  std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunked += "10000\r\n" + std::string(65536, 'y') + "\r\n";
  CHECK(starts_with(served.exchange(chunked), "HTTP/1.1 413"));
}

TEST_CASE("a body of exactly the limit passes") {
  Served served;
  const std::string body(1 << 20, 'x');
  auto reply = served.client().send({"POST", "/", {}, body, "text/plain"});
  REQUIRE(reply.ok());
  CHECK(reply->status == 200);
  CHECK(reply->body.size() == body.size() + 7);
}

TEST_CASE("bodies in flight are bounded together") {
  HttpServerOptions options;
  options.limits.bodies_bytes_max = 1'500'000;
  Served served(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  {
    RawSocket first(served.server->port());
    first.send(head);
    REQUIRE(eventually([&] { return served.counters().connections_open == 1; }));
    // The first has been read once the second is refused; until then the second simply waits for its body.
    CHECK(eventually([&] {
      RawSocket second(served.server->port());
      second.send(head);
      const std::string reply = second.receive("\r\n", 200);
      return starts_with(reply, "HTTP/1.1 503");
    }));
  }
  CHECK(eventually([&] {
    auto reply = served.client().send({"POST", "/", {}, std::string(1'000'000, 'x'), "text/plain"});
    return reply.ok() && reply->status == 200;
  }));
}

TEST_CASE("a client that sends its header or body drop by drop is cut off in time") {
  Served served(short_times());
  RawSocket slow(served.server->port());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    if (!slow.send("G")) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  CHECK(starts_with(slow.receive(), "HTTP/1.1 4"));  // 408, or 400 for a method of twenty letters
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(8));
  RawSocket header(served.server->port());
  header.send("GET / HTTP/1.1\r\nX: ");
  CHECK(starts_with(header.receive(), "HTTP/1.1 408"));
  RawSocket body(served.server->port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(starts_with(body.receive(), "HTTP/1.1 408"));
}

TEST_CASE("connections that say nothing are closed, at first and between requests") {
  Served served(short_times());
  RawSocket silent(served.server->port());
  CHECK(silent.receive().empty());
  CHECK(silent.ended());
  RawSocket once(served.server->port());
  once.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(starts_with(once.receive(), "HTTP/1.1 200"));
  CHECK(once.ended());
  CHECK(eventually([&] { return served.counters().connections_open == 0; }));
}

TEST_CASE("a connection beyond the limit takes the place of the oldest that waits") {
  HttpServerOptions options;
  options.limits.connections_max = 2;
  Served served(options);
  RawSocket a(served.server->port());
  REQUIRE(eventually([&] { return served.counters().connections_open == 1; }));
  RawSocket b(served.server->port());
  REQUIRE(eventually([&] { return served.counters().connections_open == 2; }));
  RawSocket c(served.server->port());
  a.receive();
  CHECK(a.ended());
  CHECK(served.counters().connections_evicted == 1);
  for (RawSocket* socket : {&b, &c}) {
    socket->send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(socket->receive("GET /x").find("GET /x") != std::string::npos);
  }
  CHECK(served.counters().connections_open == 2);
}

TEST_CASE("where every connection is at work a new one hears when to come again, and the others go on") {
  HttpServerOptions options;
  options.limits.connections_max = 2;
  Served served(options);
  RawSocket a(served.server->port()), b(served.server->port());
  for (RawSocket* socket : {&a, &b}) socket->send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(eventually([&] { return served.counters().requests == 2; }));
  RawSocket c(served.server->port());
  const std::string reply = c.receive();
  CHECK(starts_with(reply, "HTTP/1.1 503"));
  CHECK(reply.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(reply.find("http.busy") != std::string::npos);
  CHECK(c.ended());
  CHECK(served.counters().connections_refused == 1);
  for (const Responder& responder : served.held) responder.send({200, {}, "held", "text/plain"});
  CHECK(a.receive("held").find("held") != std::string::npos);
  CHECK(b.receive("held").find("held") != std::string::npos);
}

TEST_CASE("bad requests get 400 with an error body") {
  Served served;
  for (const std::string& bad :
       {std::string("\r\n\r\nnonsense\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("GET /?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("GET /?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("GET / HTTP/1.1\r\nbad header\r\n\r\n"), std::string("GET /\x01 HTTP/1.1\r\n\r\n")}) {
    INFO(bad);
    const std::string reply = served.exchange(bad);
    CHECK(starts_with(reply, "HTTP/1.1 400"));
    CHECK(reply.find("\"code\":\"http.") != std::string::npos);
  }
}

TEST_CASE("a client that asks before sending its body gets 100 Continue") {
  Served served;
  RawSocket socket(served.server->port());
  socket.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(starts_with(socket.receive("\r\n\r\n"), "HTTP/1.1 100"));
  socket.send("hi");
  CHECK(socket.receive("hi").find("POST /x hi") != std::string::npos);
}

TEST_CASE("random bytes and mutilated requests never stop the server") {
  Served served(short_times());
  std::uint64_t state = 20261122;
  const auto random = [&] {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<unsigned>(state >> 33);
  };
  const std::string good = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello";
  for (int round = 0; round < 300; ++round) {
    std::string bytes = good;
    if (round % 3 == 0) {
      bytes.resize(random() % 2000);
      for (char& c : bytes) c = static_cast<char>(random());
    } else {
      for (unsigned i = 0; i < 1 + random() % 6; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      if (round % 3 == 2) bytes.resize(random() % bytes.size());
    }
    RawSocket socket(served.server->port());
    socket.send(bytes);
    if (round % 10 == 0) socket.receive({}, 50);
  }
  CHECK(served.client().send({"GET", "/alive", {}, "", ""})->body == "GET /alive ");
}

TEST_CASE("an address beyond loopback is refused unless remote clients are wanted") {
  LoopThread thread;
  const auto open = [&](const char* listen, bool allow_remote) {
    return thread.on_loop([&] {
      HttpServerOptions options;
      options.listen = listen;
      options.allow_remote = allow_remote;
      auto opened = HttpServer::open(thread.loop, options, [](HttpRequest, Responder) {});
      return opened.ok() ? std::string("ok") : opened.error().code;
    });
  };
  CHECK(open("0.0.0.0:0", false) == "net.not_loopback");
  CHECK(open("0.0.0.0:0", true) == "ok");
  CHECK(open("localhost:0", false) == "ok");
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", "host name:1",
                          "unix:", "unix:/nowhere/at/all.sock"}) {
    CHECK(open(bad, true) == "net.bind");
  }
}

}  // namespace framemill::net
