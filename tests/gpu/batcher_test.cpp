#include "gpu/batcher.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace framemill::gpu {
namespace {

using Batches = std::vector<std::vector<std::uint64_t>>;

InFlight window(std::uint64_t id, const char* key, bool exact = false) {
  return {id, {key}, exact, 4};
}

TEST_CASE("windows with one key share a batch up to the admitted size") {
  const std::vector<InFlight> windows{window(1, "a"), window(2, "b"), window(3, "a"), window(4, "a"), window(5, "b")};
  CHECK(form_batches(windows, {2}) == Batches{{1, 3}, {2, 5}, {4}});
  CHECK(form_batches(windows, {8}) == Batches{{1, 3, 4}, {2, 5}});
  CHECK(form_batches(windows, {1}) == Batches{{1}, {2}, {3}, {4}, {5}});
  CHECK(form_batches(windows, {0}).size() == 5);
  CHECK(form_batches({}, {4}).empty());
}

TEST_CASE("an exact window runs alone even beside its own key") {
  const std::vector<InFlight> windows{window(1, "a"), window(2, "a", true), window(3, "a")};
  CHECK(form_batches(windows, {8}) == Batches{{1, 3}, {2}});
}

TEST_CASE("whatever is in flight, every window is in one batch and no batch breaks a rule") {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<InFlight> windows;
    const std::size_t count = random() % 40;
    for (std::size_t i = 0; i < count; ++i) {
      windows.push_back({i, {std::string(1, static_cast<char>('a' + random() % 3))}, random() % 5 == 0, 1});
    }
    const std::uint32_t most = 1 + random() % 6;
    std::set<std::uint64_t> seen;
    for (const auto& batch : form_batches(windows, {most})) {
      REQUIRE(!batch.empty());
      REQUIRE(batch.size() <= most);
      for (std::uint64_t id : batch) {
        REQUIRE(seen.insert(id).second);
        REQUIRE(windows[id].key == windows[batch.front()].key);
        REQUIRE((!windows[id].exact || batch.size() == 1));
      }
    }
    REQUIRE(seen.size() == windows.size());
  }
}

}  // namespace
}  // namespace framemill::gpu
