#include "scheduler/daemon/request_queue.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace framemill::scheduler {
namespace {

using Next = RequestQueue::Next;

TEST_CASE("changes are served before reads, each kind in the order it came") {
  net::EventLoop loop;
  RequestQueue queue(loop);
  std::string order;
  const auto read = [&](char name) {
    return [&order, name] {
      order += name;
      return Next::Done;
    };
  };
  REQUIRE(queue.add_read(read('a')));
  REQUIRE(queue.add_read(read('b')));
  REQUIRE(queue.add_change([&] { order += '1'; }));
  REQUIRE(queue.add_change([&] { order += '2'; }));
  CHECK(order.empty());
  loop.run_for(base::milliseconds(50));
  CHECK(order == "12ab");
}

TEST_CASE("long reads take turns with each other and with the loop") {
  net::EventLoop loop;
  RequestQueue::Limits limits;
  limits.turn_time = std::chrono::microseconds(0);  // one piece per turn
  limits.read_pause = 0;
  RequestQueue queue(loop, limits);
  std::string order;
  const auto three_pieces = [&](char name) {
    return [&order, name, left = 3]() mutable {
      order += name;
      return --left > 0 ? Next::Again : Next::Done;
    };
  };
  REQUIRE(queue.add_read(three_pieces('a')));
  REQUIRE(queue.add_read(three_pieces('b')));
  std::function<void()> beat = [&] {
    order += '.';
    if (order.size() < 12) loop.post(beat);
  };
  loop.post(beat);
  loop.run_for(base::milliseconds(50));
  CHECK(order.substr(0, 12) == "a.b.a.b.a.b.");
}

TEST_CASE("reads get no more than their share of the loop's time, however many wait, and changes do not wait for it") {
  using Clock = std::chrono::steady_clock;
  net::EventLoop loop;
  RequestQueue::Limits limits;
  limits.read_pause = 9;
  RequestQueue queue(loop, limits);
  Clock::duration reading{}, longest{};
  int reads = 0, changes = 0, asked = 0;
  for (int i = 0; i < 200; ++i) {
    REQUIRE(queue.add_read([&] {
      const auto started = Clock::now();
      while (Clock::now() - started < std::chrono::milliseconds(1)) {
      }
      reading += Clock::now() - started;
      longest = std::max<Clock::duration>(longest, Clock::now() - started);
      ++reads;
      return Next::Done;
    }));
  }
  const auto started = Clock::now();
  while (Clock::now() - started < std::chrono::milliseconds(300)) {
    REQUIRE(queue.add_change([&] { ++changes; }));
    ++asked;
    loop.run_for(base::milliseconds(3));
  }
  CHECK(reads >= 2);
  CHECK(changes >= asked - 1);  // the last one may have come too late for this loop
  // The last read may have begun just before the end.
  CHECK(reading <= (Clock::now() - started) / 10 + 2 * longest);
}

TEST_CASE("beyond the bound requests are refused, and taken again once there is room") {
  net::EventLoop loop;
  RequestQueue::Limits limits;
  limits.reads_max = 3;
  limits.changes_max = 2;
  RequestQueue queue(loop, limits);
  int served = 0;
  const auto read = [&] {
    ++served;
    return Next::Done;
  };
  for (int i = 0; i < 3; ++i) CHECK(queue.add_read(read));
  CHECK_FALSE(queue.add_read(read));
  for (int i = 0; i < 2; ++i) CHECK(queue.add_change([&] { ++served; }));
  CHECK_FALSE(queue.add_change([&] { ++served; }));
  loop.run_for(base::milliseconds(50));
  CHECK(served == 5);
  CHECK(queue.add_read(read));
  loop.run_for(base::milliseconds(50));
  CHECK(served == 6);
}

TEST_CASE("requests come from any thread, and none is served after the queue's end") {
  net::EventLoop loop;
  int served = 0;
  {
    RequestQueue queue(loop);
    std::thread other([&] {
      for (int i = 0; i < 100; ++i) CHECK(queue.add_change([&] { ++served; }));
    });
    other.join();
    loop.run_for(base::milliseconds(50));
    CHECK(served == 100);
    REQUIRE(queue.add_change([&] { ++served; }));
  }
  loop.run_for(base::milliseconds(50));
  CHECK(served == 100);
}

}  // namespace
}  // namespace framemill::scheduler
