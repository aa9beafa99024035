#include "base/nearest.h"

#include <catch2/catch.hpp>

namespace framemill::base {
namespace {

TEST_CASE("the nearest word is near") {
  CHECK(nearest("promt", {"prompt", "seed"}) == "prompt");
  CHECK(nearest("chian", {"chain", "independent"}) == "chain");
  CHECK(nearest("xyz", {"prompt", "seed"}).empty());
  CHECK(nearest("", {"a"}).empty());
  CHECK(nearest(std::string(100'000, 'a'), {"a"}).empty());
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(nearest("Drain-Timeout", {"drain_timeout"}) == "drain_timeout");
}

TEST_CASE("a near word is a question, and no word is none") {
  CHECK(did_you_mean("prompt") == "did you mean \"prompt\"?");
  CHECK(did_you_mean("").empty());
}

TEST_CASE("a list of words says how many it leaves out") {
  CHECK(listed({"a", "b", "c"}, 2) == "a, b, c");
  CHECK(listed({"a", "b", "c", "d"}, 2) == "a, b and 2 more");
  CHECK(listed({}, 2).empty());
}

}  // namespace
}  // namespace framemill::base
