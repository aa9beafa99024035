#include "net/http_client.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "loop_thread.h"
#include "raw_socket.h"

namespace framemill::net {

namespace {

// Accepts one connection after the other, reads a header and answers with fixed bytes; then closes, or keeps quiet.
class FixedServer {
 public:
  FixedServer(std::string reply, bool close_after) : reply_(std::move(reply)), close_after_(close_after) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_, 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FixedServer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    for (int fd : open_) ::close(fd);
  }
  HttpClient client(HttpClientOptions options = {}) const {
    return *HttpClient::open("http://127.0.0.1:" + std::to_string(port_), options);
  }

 private:
  void run() {
    while (true) {
      const int fd = ::accept(fd_, nullptr, nullptr);
      if (fd < 0) return;
      std::string request;
      char piece[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
        if (n <= 0) break;
        request.append(piece, static_cast<std::size_t>(n));
      }
      ::send(fd, reply_.data(), reply_.size(), MSG_NOSIGNAL);
      if (close_after_) {
        ::close(fd);
      } else {
        open_.push_back(fd);
      }
    }
  }

  std::string reply_;
  bool close_after_;
  int fd_;
  std::uint16_t port_ = 0;
  std::vector<int> open_;
  std::thread thread_;
};

std::string code_of(const base::Result<HttpResponse>& reply) {
  return reply.ok() ? "ok" : reply.error().code;
}

}  // namespace

TEST_CASE("server addresses are read, and bad ones refused with the right form") {
  for (const char* good :
       {"http://localhost:80", "http://127.0.0.1:8484/", "http://[::1]:8484", "http://render", "unix:/a/b"}) {
    CHECK(HttpClient::open(good).ok());
  }
  for (const char* bad : {"", "localhost:80", "https://x", "http://", "http://x:0", "http://x:99999", "http://x:y",
                          "http://a/b", "http://user@host:1", "unix:", "ftp://x"}) {
    auto client = HttpClient::open(bad);
    REQUIRE_FALSE(client.ok());
    CHECK(client.error().code == "http.bad_url");
    CHECK_FALSE(client.error().hint.empty());
  }
}

TEST_CASE("nobody listening, a server that keeps quiet and one that hangs up are different errors") {
  CHECK(code_of(HttpClient::open("http://127.0.0.1:1")->send({})) == "net.connect");
  CHECK(code_of(HttpClient::open("unix:/nowhere.sock")->send({})) == "net.connect");
  HttpClientOptions impatient;
  impatient.read_timeout = base::milliseconds(100);
  CHECK(code_of(FixedServer("", false).client(impatient).send({})) == "net.timeout");
  CHECK(code_of(FixedServer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", false).client(impatient).send({})) ==
        "net.timeout");
  CHECK(code_of(FixedServer("", true).client().send({})) == "net.closed");
  CHECK(code_of(FixedServer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true).client().send({})) == "net.closed");
  CHECK(code_of(FixedServer("SSH-2.0-OpenSSH\r\n\r\n", true).client().send({})) == "http.bad_reply");
}

TEST_CASE("a reply beyond the limit is refused") {
  HttpClientOptions small;
  small.body_bytes_max = 1000;
  CHECK(code_of(FixedServer("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", false).client(small).send({})) ==
        "http.too_large");
  CHECK(code_of(FixedServer("HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x'), true).client(small).send({})) ==
        "http.too_large");
  CHECK(code_of(FixedServer("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), true).client(small).send({})) ==
        "http.too_large");
}

TEST_CASE("a waiting call can be interrupted") {
  std::atomic<int> asked{0};
  HttpClientOptions options;
  options.keep_going = [&] { return ++asked < 2; };
  CHECK(code_of(FixedServer("", false).client(options).send({})) == "net.interrupted");
  asked = 0;
  const auto any = [](const SseEvent&) { return true; };
  FixedServer quiet("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n", false);
  CHECK(code_of(quiet.client(options).stream({}, any)) == "net.interrupted");
}

TEST_CASE("a stream that is refused gives the refusal, one that pauses too long a timeout") {
  int events = 0;
  const auto count = [&](const SseEvent&) { return ++events, true; };
  auto refused = FixedServer("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nnope", true).client().stream({}, count);
  REQUIRE(refused.ok());
  CHECK(refused->status == 401);
  CHECK(refused->body == "nope");
  CHECK(events == 0);
  HttpClientOptions impatient;
  impatient.read_timeout = base::milliseconds(100);
  FixedServer quiet("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", false);
  CHECK(code_of(quiet.client(impatient).stream({}, count)) == "net.timeout");
  CHECK(events == 1);
}

TEST_CASE("a path or a header with line breaks never leaves the client") {
  auto client = *HttpClient::open("http://127.0.0.1:1");
  CHECK(code_of(client.send({"GET", "/a b", {}, "", ""})) == "http.bad_url");
  CHECK(code_of(client.send({"GET", "/\r\nX: y", {}, "", ""})) == "http.bad_url");
  CHECK(code_of(client.send({"GET", "/", {{"X", "a\r\nY: b"}}, "", ""})) == "http.bad_url");
}

TEST_CASE("random bytes from a server never crash the client") {
  std::uint64_t state = 7;
  for (int round = 0; round < 60; ++round) {
    std::string bytes = round % 2 == 0 ? "" : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 300; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      bytes += static_cast<char>(state >> 40);
    }
    FixedServer server(bytes, true);
    CHECK(code_of(server.client().send({})) != "ok");
    CHECK(code_of(server.client().stream({}, [](const SseEvent&) { return true; })) != "ok");
  }
}

}  // namespace framemill::net
