// A server on a loop thread whose handler does what the path says. For tests.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "loop_thread.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "raw_socket.h"

namespace framemill::net::testing {

// A server whose handler echoes, unless the path says otherwise:
//   /later    answers from another thread   /never   drops its Responder   /hold  keeps it in `held`
//   /stream   starts a stream, kept in `streams`, greeting with the Last-Event-ID it got
struct Served {
  LoopThread thread;
  std::unique_ptr<HttpServer> server;
  std::mutex mutex;
  std::vector<Responder> held;
  std::vector<std::shared_ptr<HttpStream>> streams;
  std::atomic<int> streams_closed{0};
  std::vector<std::thread> helpers;

  explicit Served(HttpServerOptions options = {}, HttpServer::Admit admit = nullptr) {
    thread.on_loop([&] {
      auto opened = HttpServer::open(
          thread.loop, options, [this](HttpRequest r, Responder respond) { handle(std::move(r), std::move(respond)); },
          std::move(admit));
      REQUIRE(opened.ok());
      server = *std::move(opened);
    });
  }
  ~Served() {
    for (auto& helper : helpers) helper.join();
    thread.on_loop([&] { server.reset(); });
  }

  void handle(HttpRequest request, Responder respond) {
    std::lock_guard lock(mutex);
    if (request.path == "/never") return;
    if (request.path == "/hold") {
      held.push_back(respond);
      return;
    }
    if (request.path == "/later") {
      helpers.emplace_back([respond] { respond.send({200, {}, "later", "text/plain"}); });
      return;
    }
    if (request.path == "/stream") {
      const std::string* last = request.header("Last-Event-ID");
      auto stream = respond.start_stream({200, {}, "data: " + (last ? *last : "none") + "\n\n", "text/event-stream"});
      stream->on_closed([this] { ++streams_closed; });
      streams.push_back(stream);
      return;
    }
    HttpResponse response;
    response.content_type = "text/plain";
    response.headers.emplace_back("X-Uid", request.peer.uid ? std::to_string(*request.peer.uid) : "none");
    if (auto x = request.query.find("header"); x != request.query.end())
      response.headers.emplace_back("X-Echo", x->second);
    response.body = request.method + " " + request.target + " " + request.body;
    respond.send(std::move(response));
  }

  HttpServerCounters counters() {
    return thread.on_loop([&] { return server->counters(); });
  }
  HttpClient client(HttpClientOptions options = {}) {
    auto opened = HttpClient::open(server->url(), options);
    REQUIRE(opened.ok());
    return *std::move(opened);
  }
  std::string exchange(std::string_view bytes) {
    RawSocket socket(server->port());
    socket.send(bytes);
    return socket.receive();
  }
};

inline HttpServerOptions short_times() {
  HttpServerOptions options;
  options.limits.header_timeout = base::milliseconds(200);
  options.limits.body_timeout = base::milliseconds(200);
  options.limits.idle_timeout = base::milliseconds(200);
  return options;
}

inline bool starts_with(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

}  // namespace framemill::net::testing
