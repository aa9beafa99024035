#include <atomic>
#include <catch2/catch.hpp>

#include "net/sse.h"
#include "served.h"

namespace framemill::net {

using testing::eventually;
using testing::RawSocket;
using testing::Served;

TEST_CASE("a stream passes the last event id and delivers in order until it is closed") {
  Served served;
  auto client = served.client();
  std::vector<std::string> got;
  std::thread writer([&] {
    REQUIRE(eventually([&] {
      std::lock_guard lock(served.mutex);
      return served.streams.size() == 1;
    }));
    for (int i = 0; i < 500; ++i) served.streams[0]->write(format_sse({std::to_string(i), "n", std::to_string(i)}));
    served.streams[0]->close();
  });
  auto end = client.stream({"GET", "/stream", {{"Last-Event-ID", "41-7"}}, "", ""}, [&](const SseEvent& event) {
    got.push_back(event.data);
    return true;
  });
  writer.join();
  REQUIRE_FALSE(end.ok());
  CHECK(end.error().code == "net.closed");
  REQUIRE(got.size() == 501);
  CHECK(got[0] == "41-7");
  CHECK(got[500] == "499");
  CHECK(eventually([&] { return served.streams_closed == 1; }));
}

TEST_CASE("a stream learns that its reader has gone") {
  Served served;
  auto client = served.client();
  REQUIRE(client.stream({"GET", "/stream", {}, "", ""}, [](const SseEvent&) { return false; }).ok());
  CHECK(eventually([&] { return served.streams_closed == 1; }));
  CHECK_FALSE(served.streams[0]->write("more"));
  CHECK(served.streams[0]->closed());
  bool called = false;
  served.streams[0]->on_closed([&] { called = true; });
  CHECK(eventually([&] { return served.thread.on_loop([&] { return called; }); }));
}

TEST_CASE("a reader that does not read is dropped while the others go on") {
  HttpServerOptions options;
  options.limits.stream_buffer_bytes_max = 64 * 1024;
  Served served(options);
  RawSocket slow(served.server->port(), 4096);
  slow.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(eventually([&] {
    std::lock_guard lock(served.mutex);
    return served.streams.size() == 1;
  }));
  std::atomic<int> events{0};
  std::atomic<bool> enough{false};
  std::thread reader([&] {
    auto client = served.client();
    (void)client.stream({"GET", "/stream", {}, "", ""}, [&](const SseEvent&) { return ++events, !enough; }).ok();
  });
  REQUIRE(eventually([&] { return events == 1; }));
  const std::string piece = format_sse({"", "", std::string(8000, 'x')});
  int written = 0;
  bool dropped = false;
  while (written < 20'000 && !dropped) {
    dropped = !served.streams[0]->write(piece);
    REQUIRE(served.streams[1]->write(piece));
    ++written;
    REQUIRE(eventually([&] { return events == written + 1; }));  // the good reader keeps up, whatever the slow one does
  }
  CHECK(dropped);
  CHECK(eventually([&] { return served.counters().streams_dropped == 1; }));
  CHECK(eventually([&] { return served.streams_closed == 1; }));
  enough = true;
  REQUIRE(served.streams[1]->write(piece));
  reader.join();
  slow.receive();
  CHECK(slow.ended());
}

TEST_CASE("a client of HTTP/1.0 gets a stream without chunks") {
  Served served;
  RawSocket socket(served.server->port());
  socket.send("GET /stream HTTP/1.0\r\n\r\n");
  const std::string all = socket.receive("data: none\n\n");
  CHECK(all.find("chunked") == std::string::npos);
  CHECK(all.find("\r\n\r\ndata: none\n\n") != std::string::npos);
}

TEST_CASE("a graceful stop lets the running request finish and closes the rest") {
  Served served;
  RawSocket idle(served.server->port()), streaming(served.server->port()), running(served.server->port());
  streaming.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  running.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(eventually([&] {
    std::lock_guard lock(served.mutex);
    return served.held.size() == 1 && served.streams.size() == 1;
  }));
  std::atomic<bool> done{false};
  served.thread.on_loop([&] { served.server->stop(base::seconds(10), [&] { done = true; }); });
  idle.receive();
  CHECK(idle.ended());
  streaming.receive();
  CHECK(streaming.ended());
  CHECK_FALSE(RawSocket(served.server->port()).connected());
  CHECK_FALSE(done);
  served.held[0].send({200, {}, "finished", "text/plain"});
  CHECK(running.receive("finished").find("finished") != std::string::npos);
  served.held.clear();
  CHECK(eventually([&] { return done.load(); }, 5000));
}

TEST_CASE("a stop cuts what does not finish within its grace") {
  Served served;
  RawSocket running(served.server->port());
  running.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(eventually([&] {
    std::lock_guard lock(served.mutex);
    return served.held.size() == 1;
  }));
  std::atomic<bool> done{false};
  served.thread.on_loop([&] { served.server->stop(base::milliseconds(50), [&] { done = true; }); });
  CHECK(eventually([&] { return done.load(); }, 5000));
  running.receive();
  CHECK(running.ended());
  served.held[0].send({200, {}, "too late", "text/plain"});  // reaches nobody and harms nothing
}

TEST_CASE("answers and streams may outlive the server and the loop") {
  Responder late;
  std::shared_ptr<HttpStream> stream;
  {
    Served served;
    RawSocket a(served.server->port()), b(served.server->port());
    a.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    b.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(eventually([&] {
      std::lock_guard lock(served.mutex);
      return served.held.size() == 1 && served.streams.size() == 1;
    }));
    late = served.held[0];
    stream = served.streams[0];
    stream->on_closed(nullptr);
  }
  late.send({});
  stream->write("x");
  stream->close();
  CHECK(stream->closed());
}

}  // namespace framemill::net
