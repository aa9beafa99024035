#include "worker/daemon/attempt_logs.h"

#include <catch2/catch.hpp>

namespace framemill::worker {
namespace {

AttemptId numbered(std::uint64_t counter) {
  return {{3, 77}, counter};
}

TEST_CASE("an attempt's log holds what its executor printed since its start, and no line of another attempt") {
  AttemptLogs logs;
  logs.add(0, "ready on cpu");
  logs.begin(numbered(1), 0, "demo-clips@1 of job 4");
  logs.add(0, "info executor: loaded demo-clips@1");
  logs.begin(numbered(12), 0, "demo-clips@1 of job 5");
  logs.begin(numbered(3), 1, "demo-clips@1 of job 6");
  logs.add(0, "info executor: attempt 12 ended: frames.nan frame 1003 is not a number");
  logs.add(0, "warning executor: out of memory; batches of 1 from now on");
  logs.add(1, "info executor: unload other@1");
  CHECK(logs.text(numbered(1)) ==
        "demo-clips@1 of job 4\ninfo executor: loaded demo-clips@1\n"
        "warning executor: out of memory; batches of 1 from now on\n");
  CHECK(logs.text(numbered(12)) ==
        "demo-clips@1 of job 5\ninfo executor: attempt 12 ended: frames.nan frame 1003 is not a number\n"
        "warning executor: out of memory; batches of 1 from now on\n");
  CHECK(logs.text(numbered(3)) == "demo-clips@1 of job 6\ninfo executor: unload other@1\n");
  CHECK(logs.texts_of(0).size() == 2);
  logs.forget(numbered(1));
  CHECK(logs.text(numbered(1)).empty());
}

TEST_CASE("only logs that have grown are reported again") {
  AttemptLogs logs;
  logs.begin(numbered(1), 0, "begins");
  logs.begin(numbered(2), 1, "begins");
  CHECK(logs.take_changed().size() == 2);
  CHECK(logs.take_changed().empty());
  logs.add(1, "a line");
  const auto changed = logs.take_changed();
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].second == "begins\na line\n");
}

}  // namespace
}  // namespace framemill::worker
