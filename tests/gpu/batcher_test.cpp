#include "gpu/batcher.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace framemill::gpu {
namespace {

using Batch = std::vector<std::size_t>;

std::vector<BatchCandidate> windows(const std::string& keys, std::uint32_t batch_max = 8) {
  std::vector<BatchCandidate> all;
  for (const char key : keys) all.push_back({std::string(1, key), all.size() + 1, batch_max});
  return all;
}

auto at_most(std::uint32_t windows) {
  return [windows](const std::string&) { return windows; };
}

TEST_CASE("windows with one key share a batch up to what memory admits, the oldest first") {
  CHECK(Batcher().next(windows("abaab"), at_most(8)) == Batch{0, 2, 3});
  CHECK(Batcher().next(windows("abaab"), at_most(2)) == Batch{0, 2});
  CHECK(Batcher().next(windows("aa"), at_most(0)) == Batch{0});
  CHECK(Batcher().next({}, at_most(4)).empty());
  auto late = windows("aaa");
  std::swap(late[0].begun, late[2].begun);
  CHECK(Batcher().next(late, at_most(2)) == Batch{2, 1});
}

TEST_CASE("keys take turns, and a key that comes back waits for its turn again") {
  Batcher batcher;
  const auto both = windows("aab");
  CHECK(batcher.next(both, at_most(8)) == Batch{0, 1});
  CHECK(batcher.next(both, at_most(8)) == Batch{2});
  CHECK(batcher.next(both, at_most(8)) == Batch{0, 1});
  CHECK(batcher.next(windows("b"), at_most(8)) == Batch{0});
  CHECK(batcher.next(windows("ba"), at_most(8)) == Batch{1});
}

TEST_CASE("no batch is larger than the smallest batch_max in it, and a window that runs alone runs") {
  auto mixed = windows("aaaa");
  mixed[1].batch_max = 2;
  CHECK(Batcher().next(mixed, at_most(8)) == Batch{0, 1});
  mixed[0].batch_max = 1;
  CHECK(Batcher().next(mixed, at_most(8)) == Batch{0});
  mixed[0].batch_max = 8;
  mixed[1].batch_max = 1;
  CHECK(Batcher().next(mixed, at_most(8)) == Batch{0, 2, 3});  // window 1 gets its turn when it is the oldest
}

TEST_CASE("whatever is in flight, no batch breaks a rule and every window is served within bounded turns") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<BatchCandidate> all;
    const std::size_t count = 1 + random() % 30;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(
          {std::string(1, static_cast<char>('a' + random() % 4)), i, 1 + static_cast<std::uint32_t>(random() % 5)});
    const std::uint32_t most = static_cast<std::uint32_t>(random() % 6);
    Batcher batcher;
    std::size_t turns = 0;
    while (!all.empty()) {
      const auto batch = batcher.next(all, at_most(most));
      REQUIRE(!batch.empty());
      REQUIRE(batch.size() <= std::max(1u, most));
      std::set<std::size_t> served;
      for (const std::size_t i : batch) {
        REQUIRE(all[i].key == all[batch.front()].key);
        REQUIRE(batch.size() <= all[i].batch_max);
        REQUIRE(served.insert(i).second);
      }
      for (auto i = served.rbegin(); i != served.rend(); ++i) all.erase(all.begin() + static_cast<std::ptrdiff_t>(*i));
      REQUIRE(++turns <= count);
    }
  }
}

}  // namespace
}  // namespace framemill::gpu
