// A scheduler that gives recorded answers over real HTTP and keeps what it was asked. What has no answer is a 404, so a
// verb that asks for something unexpected is seen.
#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "net/http_server.h"

namespace framemill::cli::testing {

class FakeScheduler {
 public:
  FakeScheduler() : thread_([this] { loop_.run(); }) {
    on_loop([this] {
      auto opened = net::HttpServer::open(
          loop_, {}, [this](net::HttpRequest request, net::Responder respond) { answer(std::move(request), respond); });
      server_ = std::move(opened).value();
    });
  }
  ~FakeScheduler() {
    on_loop([this] { server_.reset(); });
    loop_.stop();
    thread_.join();
  }

  // Answers of "GET /api/v1/jobs/12" in order; the last one is given from then on.
  void on(const std::string& call, std::string body, int status = 200) {
    std::lock_guard lock(mutex_);
    answers_[call].push_back({status, {}, std::move(body), "application/json"});
  }
  std::vector<net::HttpRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::string url() const { return server_->url(); }

 private:
  void on_loop(std::function<void()> function) {
    std::promise<void> done;
    loop_.post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
  void answer(net::HttpRequest request, const net::Responder& respond) {
    std::lock_guard lock(mutex_);
    const std::string call = request.method + " " + request.target;
    requests_.push_back(std::move(request));
    const auto found = answers_.find(call);
    if (found == answers_.end())
      return respond.send(net::error_response(404, {"test.unexpected", "nobody expected " + call, {}, {}}));
    net::HttpResponse response = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    respond.send(std::move(response));
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<net::HttpResponse>> answers_;
  std::vector<net::HttpRequest> requests_;
  net::EventLoop loop_;
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
};

}  // namespace framemill::cli::testing
