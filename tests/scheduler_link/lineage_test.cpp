#include "scheduler/link/lineage.h"

#include <catch2/catch.hpp>

namespace framemill::scheduler {
namespace {

const jobs::Epoch kFirst{1, 11}, kSecond{2, 22}, kThird{3, 33};

// Three starts: the first made batches 1 to 50, the second 51 to 80.
Lineage lineage(std::uint64_t era = 0) {
  return {{{kFirst, 0}, {kSecond, 50}, {kThird, 80}}, era};
}

}  // namespace

TEST_CASE("a worker of the same history is let in, whichever start it heard last") {
  CHECK_FALSE(lineage().lost({}));  // it has heard nothing yet
  CHECK_FALSE(lineage().lost({kFirst, 50, 0}));
  CHECK_FALSE(lineage().lost({kSecond, 51, 0}));
  CHECK_FALSE(lineage().lost({kThird, 1'000, 0}));
  CHECK_FALSE(lineage().lost({{2, 0}, 1'000, 0}));  // an older worker does not tell the nonce
  CHECK_FALSE(Lineage().lost({kFirst, 50, 0}));
}

TEST_CASE("a worker that heard more of a start than the store has, or of a start that it never had, is refused") {
  const auto more = lineage().lost({kSecond, 81, 0});
  REQUIRE(more);
  CHECK(more->find("batch 81 in start 2, which ends at batch 80") != std::string::npos);
  CHECK(more->find("new-era") != std::string::npos);
  // The numbers of the store have long passed the worker's: the count alone would say that all is well.
  CHECK(lineage().lost({kFirst, 51, 0}));
  CHECK(lineage().lost({{2, 99}, 60, 0}));
  CHECK(lineage().lost({{4, 44}, 60, 0}));
}

TEST_CASE("a loss that an operator has accepted is no reason any more, a later one is") {
  CHECK_FALSE(lineage(1'000).lost({kSecond, 81, 0}));
  CHECK_FALSE(lineage(1'000).lost({{2, 99}, 60, 999}));
  CHECK(lineage(1'000).lost({kSecond, 81, 1'000}));  // it has followed that era, and heard more of it
  CHECK(lineage(0).lost({kSecond, 81, 1'000}));      // the store is of before that era
}

}  // namespace framemill::scheduler
