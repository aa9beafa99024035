#include "net/service_manager.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "tests/support/virtual_loop.h"

namespace framemill::net {
namespace {

using namespace std::chrono_literals;

struct Notified {
  std::vector<std::string> states;
  Supervision watching(base::Duration watchdog) {
    return {[this](const std::string& state) { states.push_back(state); }, watchdog};
  }
  std::ptrdiff_t count(const std::string& state) const { return std::count(states.begin(), states.end(), state); }
};

}  // namespace

TEST_CASE("the watchdog is fed three times in its interval, from the moment that the daemon is ready") {
  framemill::test::VirtualLoop loop;
  Notified notified;
  ServiceManager manager(loop, notified.watching(base::seconds(30)));
  loop.run_for(base::seconds(60));
  CHECK(notified.states.empty());
  manager.ready();
  CHECK(notified.states == std::vector<std::string>{"READY=1", "WATCHDOG=1"});
  loop.run_for(base::seconds(60));
  CHECK(notified.count("WATCHDOG=1") == 7);
}

TEST_CASE("without a watchdog nothing is fed, and a status is said once") {
  framemill::test::VirtualLoop loop;
  Notified notified;
  ServiceManager manager(loop, notified.watching(base::Duration{0}));
  manager.ready();
  loop.run_for(base::seconds(60));
  manager.status("2 of 2 slots usable");
  manager.status("2 of 2 slots usable");
  manager.stopping();
  CHECK(notified.states == std::vector<std::string>{"READY=1", "STATUS=2 of 2 slots usable", "STOPPING=1"});
}

TEST_CASE("a loop that is stuck is not reported alive, and is again when it goes on") {
  EventLoop loop;
  std::atomic<int> fed{0};
  int before = 0, while_stuck = 0;
  ServiceManager manager(
      loop, {[&](const std::string& state) { fed += state == "WATCHDOG=1" ? 1 : 0; }, base::milliseconds(60)});
  loop.post([&] { manager.ready(); });
  const base::Timer stuck = loop.call_after(base::milliseconds(200), [&] {
    before = fed;
    std::this_thread::sleep_for(400ms);
    while_stuck = fed - before;
  });
  const base::Timer end = loop.call_after(base::milliseconds(900), [&] { loop.stop(); });
  loop.run();
  CHECK(before > 0);
  CHECK(while_stuck == 0);
  CHECK(fed > before);
}

}  // namespace framemill::net
