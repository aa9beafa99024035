// What hostile neighbours do to an HTTP server: nothing of it may keep those out who have a token.
#include <catch2/catch.hpp>
#include <list>
#include <random>

#include "net/http_gate.h"
#include "served.h"

namespace framemill::net {

using testing::eventually;
using testing::RawSocket;
using testing::Served;
using testing::starts_with;

namespace {

// "Bearer NAME" is the client NAME; /open needs no token.
HttpAdmission admit_by_name(const HttpRequest& head) {
  HttpAdmission admission;
  if (head.path == "/open") return admission;
  const std::string* header = head.header("Authorization");
  if (header != nullptr && header->starts_with("Bearer ")) {
    admission.client = header->substr(7);
  } else {
    admission.refusal = error_response(401, {"auth.missing", "this needs a token", "", ""});
  }
  admission.takes_body = head.method == "POST";
  return admission;
}

std::string request(const std::string& client, const std::string& path = "/x") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + client + "\r\n\r\n";
}

// Whether somebody with a token gets an answer on a fresh connection.
bool gets_in(Served& served, const std::string& client = "ana") {
  RawSocket socket(served.server->port());
  socket.send(request(client));
  return starts_with(socket.receive("GET /x"), "HTTP/1.1 200");
}

HttpServerOptions small_house() {
  HttpServerOptions options;
  options.limits.connections_max = 48;
  options.limits.connections_per_address_max = 40;
  options.limits.requests_per_address_per_s = 10'000;
  options.limits.requests_per_client_per_s = 10'000;
  return options;
}

}  // namespace

TEST_CASE("a request without a token is refused before its body is read") {
  Served served({}, admit_by_name);
  for (const std::string& head :
       {std::string("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
        std::string("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"),
        std::string("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\nabc")}) {
    RawSocket socket(served.server->port());
    socket.send(head);
    const std::string reply = socket.receive("auth.missing");
    CHECK(starts_with(reply, "HTTP/1.1 401"));
  }
  CHECK(served.counters().requests == 0);
  RawSocket known(served.server->port());
  known.send("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(known.receive("/x body").find("POST /x body") != std::string::npos);
}

TEST_CASE("a body where none is taken is refused") {
  Served served({}, admit_by_name);
  RawSocket socket(served.server->port());
  socket.send("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(starts_with(socket.receive(), "HTTP/1.1 413"));
  CHECK(served.counters().requests == 0);
}

TEST_CASE("idle, half-asked and half-sent connections of strangers lock nobody out") {
  Served served(small_house(), admit_by_name);
  const std::string opening =
      GENERATE(as<std::string>{}, "", "GET /x HT",
               "GET /x HTTP/1.1\r\nHost: x\r\nX: ", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf",
               "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", "\x16\x03\x01\x02\x00\x01\x00");
  INFO(opening);
  std::list<RawSocket> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.emplace_back(served.server->port());
    strangers.back().send(opening);
    if (i % 20 == 0) CHECK(gets_in(served));
  }
  CHECK(gets_in(served));
  CHECK(eventually([&] { return served.counters().connections_open <= 41; }));
}

TEST_CASE("a known client at work keeps its connection whatever strangers do") {
  Served served(small_house(), admit_by_name);
  RawSocket stream(served.server->port()), held(served.server->port());
  stream.send(request("ana", "/stream"));
  REQUIRE(starts_with(stream.receive("data: none"), "HTTP/1.1 200"));
  held.send(request("ana", "/hold"));
  REQUIRE(eventually([&] { return served.counters().requests == 2; }));
  std::list<RawSocket> strangers;
  for (int i = 0; i < 200; ++i) strangers.emplace_back(served.server->port());
  REQUIRE(eventually([&] { return served.counters().connections_evicted >= 150; }));
  CHECK(served.streams[0]->write("data: still\n\n"));
  CHECK(stream.receive("still").find("still") != std::string::npos);
  served.held[0].send({200, {}, "answered", "text/plain"});
  CHECK(held.receive("answered").find("answered") != std::string::npos);
}

TEST_CASE("a stranger's header has one time from the start of its connection, however it trickles in") {
  HttpServerOptions options;
  options.limits.header_timeout = base::milliseconds(300);
  options.limits.idle_timeout = base::seconds(60);
  Served served(options, admit_by_name);
  RawSocket slow(served.server->port()), silent(served.server->port());
  const std::string text = "GET /x HTTP/1.1\r\n" + std::string(400, 'a');
  for (std::size_t i = 0; i < text.size() && served.counters().requests_refused == 0; ++i) {
    slow.send(text.substr(i, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // 8 s for all of it
  }
  CHECK(starts_with(slow.receive(), "HTTP/1.1 408"));
  silent.receive();
  CHECK(silent.ended());
}

TEST_CASE("one client has a share of the connections, of the answers and of the bodies, and no other client suffers") {
  HttpServerOptions options = small_house();
  options.limits.connections_per_client_max = 6;
  options.limits.requests_per_client_max = 4;
  options.limits.body_bytes_max = 1000;
  options.limits.bodies_per_client_bytes_max = 2500;
  Served served(options, admit_by_name);
  std::list<RawSocket> open;
  const auto ask = [&](const std::string& text) {
    open.emplace_back(served.server->port());
    open.back().send(text);
  };
  SECTION("answers at once") {
    for (int i = 0; i < 4; ++i) ask(request("ana", "/hold"));
    REQUIRE(eventually([&] { return served.counters().requests == 4; }));
    ask(request("ana"));
    const std::string reply = open.back().receive();
    CHECK(starts_with(reply, "HTTP/1.1 429"));
    CHECK(reply.find("Retry-After: ") != std::string::npos);
    CHECK(gets_in(served, "ben"));
    for (const Responder& responder : served.held) responder.send({200, {}, "x", "text/plain"});
    CHECK(eventually([&] { return gets_in(served, "ana"); }));
  }
  SECTION("connections") {
    for (int i = 0; i < 6; ++i) {
      ask(request("ana"));
      CHECK(starts_with(open.back().receive("GET /x"), "HTTP/1.1 200"));
    }
    ask(request("ana"));
    CHECK(starts_with(open.back().receive(), "HTTP/1.1 429"));
    CHECK(gets_in(served, "ben"));
    open.pop_front();
    CHECK(eventually([&] { return gets_in(served, "ana"); }));
  }
  SECTION("bodies that are on their way") {
    const std::string half =
        "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nContent-Length: 1000\r\n\r\nhalf";
    for (int i = 0; i < 2; ++i) ask(half);
    ask(half);
    CHECK(starts_with(open.back().receive(), "HTTP/1.1 429"));
    CHECK(gets_in(served, "ben"));
    open.clear();
    CHECK(eventually([&] { return gets_in(served, "ana"); }));
  }
}

TEST_CASE("requests beyond a client's rate are refused with the time to come again, others are served") {
  HttpServerOptions options;
  options.limits.requests_per_client_per_s = 0.5;
  options.limits.requests_per_address_per_s = 0.5;
  Served served(options, admit_by_name);
  CHECK(gets_in(served, "ana"));
  RawSocket again(served.server->port());
  again.send(request("ana"));
  const std::string reply = again.receive();
  CHECK(starts_with(reply, "HTTP/1.1 429"));
  CHECK(reply.find("Retry-After: 1") != std::string::npos);
  CHECK(gets_in(served, "ben"));
  const std::string open = "GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  CHECK(starts_with(served.exchange(open), "HTTP/1.1 200"));
  CHECK(starts_with(served.exchange(open), "HTTP/1.1 429"));
  CHECK(gets_in(served, "cat"));
}

TEST_CASE("a transfer encoding that is not chunked ends the connection, and no second request hides behind it") {
  Served served;
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string& encoding :
       {std::string("xchunked"), std::string("identity"), std::string("gzip, chunked"),
        std::string("chunked, identity"), std::string("chunked;q=1"), std::string("\"chunked\""),
        std::string("chunked,"), std::string(""), std::string("chunked\r\nTransfer-Encoding: identity")}) {
    INFO(encoding);
    const std::string reply =
        served.exchange("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + encoding + "\r\n\r\n0\r\n\r\n" + hidden);
    CHECK((starts_with(reply, "HTTP/1.1 501") || starts_with(reply, "HTTP/1.1 400")));
    CHECK(reply.find("hidden") == std::string::npos);
    CHECK(reply.find("HTTP/1.1 ", 5) == std::string::npos);
  }
  for (const std::string& head :
       {std::string("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked"),
        std::string("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
        std::string("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked"),
        std::string("GET /x HTTP/1.1\r\nHost: x\r\nHost: y"),
        std::string("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b"),
        std::string("GET /x HTTP/2.0\r\nHost: x"), std::string("GET /x HTTP/9.9")}) {
    INFO(head);
    const std::string reply = served.exchange(head + "\r\n\r\n0\r\n\r\n" + hidden);
    CHECK((starts_with(reply, "HTTP/1.1 400") || starts_with(reply, "HTTP/1.1 505")));
    CHECK(reply.find("hidden") == std::string::npos);
  }
  CHECK(served.counters().requests == 0);
}

TEST_CASE("a body of tiny chunks passes, an endless trailer does not") {
  HttpServerOptions options;
  options.limits.body_bytes_max = 20'000;
  Served served(options);
  const std::string head = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string tiny;
  for (int i = 0; i < 20'000; ++i) tiny += "1\r\na\r\n";
  CHECK(starts_with(served.exchange(head + tiny + "0\r\n\r\n"), "HTTP/1.1 200"));

  RawSocket socket(served.server->port());
  socket.send(head + "1\r\na\r\n0\r\n");
  std::size_t sent = 0;
  const std::string trailer = "X-Trailer: " + std::string(1000, 't') + "\r\n";
  while (sent < (64u << 20) && socket.send(trailer)) sent += trailer.size();
  CHECK(sent < (64u << 20));
  CHECK_FALSE(starts_with(socket.receive(), "HTTP/1.1 200"));
}

TEST_CASE("broken requests of all kinds end their own connection alone") {
  HttpServerOptions options;
  options.limits.header_timeout = base::milliseconds(500);
  options.limits.body_timeout = base::milliseconds(500);
  options.limits.requests_per_address_per_s = 100'000;
  options.limits.requests_per_client_per_s = 100'000;
  Served served(options, admit_by_name);
  const std::vector<std::string> whole = {
      request("ana"), "POST /x?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nContent-Length: 4\r\n\r\nbody",
      "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;ext=1\r\nbody\r\n0\r\nX: y\r\n\r\n",
      "HEAD /open HTTP/1.0\r\n\r\n"};
  const std::string spice =
      std::string("\0\r\n\t :;,%&?=\"", 13) + "\xFF\x80" + "HTTP/1.1Transfer-EncodingContent-Length";
  std::mt19937 random(20260729);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 400; ++round) {
    std::string text = whole[below(whole.size())] + whole[below(whole.size())];
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      const std::string piece = spice.substr(below(spice.size()), 1 + below(8));
      switch (below(4)) {
        case 0:
          text.replace(at, piece.size(), piece);
          break;
        case 1:
          text.insert(at, piece);
          break;
        case 2:
          text.erase(at, 1 + below(9));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(40)));
      }
      if (text.empty()) text = "x";
    }
    RawSocket socket(served.server->port());
    socket.send(text);
    if (round % 40 == 0) CHECK(gets_in(served));
  }
  CHECK(gets_in(served));
  CHECK(eventually([&] { return served.counters().connections_open == 0; }, 20'000));
}

TEST_CASE("an address or a client has its rate again after a while, and the memory of rates has a bound") {
  HttpLimits limits;
  limits.requests_per_address_per_s = 2;
  limits.requests_per_client_per_s = 1;
  HttpGate gate(limits);
  base::Instant now{1'000'000};
  const auto taken = [&](const std::string& address, const std::string& client) {
    int count = 0;
    while (count < 100 && gate.take_request(address, client, now)) ++count;
    return count;
  };
  CHECK(taken("10.0.0.1", "") == 4);
  CHECK(taken("10.0.0.1", "") == 0);
  CHECK(taken("10.0.0.1", "ana") == 2);  // who has a token does not pay for the address
  CHECK(taken("10.0.0.2", "") == 4);
  now = now + base::milliseconds(500);
  CHECK(taken("10.0.0.1", "") == 1);
  now = now + base::seconds(60);
  CHECK(taken("10.0.0.1", "") == 4);
  // More addresses than are remembered share what one may have.
  for (std::size_t i = 0; i < HttpGate::kBucketsMax; ++i) gate.take_request("net " + std::to_string(i), "", now);
  int shared = 0;
  for (int i = 0; i < 100; ++i) shared += gate.take_request("late " + std::to_string(i), "", now);
  CHECK(shared <= 4);
  CHECK(taken("10.0.0.9", "ana") == 2);
}

}  // namespace framemill::net
