#include "base/repeat_limit.h"

#include <catch2/catch.hpp>

namespace framemill::base {

TEST_CASE("a line that repeats is said once a minute, with how often it was kept back") {
  RepeatLimit limit;
  const Instant start{1'000'000};
  CHECK(limit.may_say("auth.unknown 10.0.0.7", start) == 0u);
  for (int i = 1; i <= 20; ++i) CHECK_FALSE(limit.may_say("auth.unknown 10.0.0.7", start + seconds(i)));
  CHECK(limit.may_say("auth.expired 10.0.0.7", start + seconds(30)) == 0u);
  CHECK(limit.may_say("auth.unknown 10.0.0.7", start + seconds(61)) == 20u);
}

TEST_CASE("ten thousand keys are a bounded number of lines and forgotten in the end") {
  RepeatLimit limit;
  const Instant start{1'000'000};
  std::size_t said = 0;
  for (int i = 0; i < 10'000; ++i) said += limit.may_say(std::to_string(i), start).has_value();
  CHECK(said == RepeatLimit::kKeysMax);
  CHECK_FALSE(limit.may_say("new", start + seconds(59)));
  CHECK(limit.may_say("new", start + seconds(121)) == 0u);
}

}  // namespace framemill::base
