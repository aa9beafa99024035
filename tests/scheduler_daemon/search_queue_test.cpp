#include "scheduler/daemon/search_queue.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

namespace framemill::scheduler {
namespace {

TEST_CASE("only so many searches are under way at once, and beyond a bound they are refused") {
  SearchQueue queue({2, 3});
  std::vector<SearchQueue::Done> under_way;
  int answered = 0;
  const auto answer = [&] { ++answered; };
  const auto search = [&](SearchQueue::Done done) { under_way.push_back(std::move(done)); };
  for (int i = 0; i < 5; ++i) CHECK(queue.add(search));
  CHECK_FALSE(queue.add(search));
  CHECK(under_way.size() == 2);
  under_way[0](answer);
  under_way[0](answer);  // said twice, counted once
  CHECK(answered == 1);
  CHECK(under_way.size() == 3);
  CHECK(queue.add(search));
  under_way[1](answer);
  under_way[2](answer);
  CHECK(under_way.size() == 5);
}

TEST_CASE("searches that end at once are served in their order, however many there are") {
  SearchQueue queue({1, 100'000});
  SearchQueue::Done first;
  REQUIRE(queue.add([&](SearchQueue::Done done) { first = std::move(done); }));
  std::vector<int> order;
  for (int i = 0; i < 50'000; ++i)
    REQUIRE(queue.add([&order, i](const SearchQueue::Done& done) { done([&order, i] { order.push_back(i); }); }));
  CHECK(order.empty());
  first([] {});
  REQUIRE(order.size() == 50'000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("once the queue is closed no search begins and no answer is called") {
  std::atomic<int> answered = 0, begun = 0;
  std::vector<SearchQueue::Done> late;
  std::thread other;
  {
    SearchQueue queue({2, 100});
    for (int i = 0; i < 2; ++i) REQUIRE(queue.add([&](SearchQueue::Done done) { late.push_back(std::move(done)); }));
    REQUIRE(queue.add([&](const SearchQueue::Done&) { ++begun; }));
    // An answer that is under way is waited for.
    std::atomic<bool> answering = false;
    other = std::thread([&] {
      late[0]([&] {
        answering = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ++answered;
      });
    });
    while (!answering) std::this_thread::yield();
    queue.close();
    CHECK(answered == 1);
    CHECK_FALSE(queue.add([&](const SearchQueue::Done&) { ++begun; }));
  }
  other.join();
  late[1]([&] { ++answered; });
  CHECK(answered == 1);
  CHECK(begun == 0);
}

}  // namespace
}  // namespace framemill::scheduler
