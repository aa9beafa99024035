#include <boost/json.hpp>

#include <catch2/catch.hpp>

#include "base/time.h"
#include "cli/moments.h"
#include "fake_scheduler.h"
#include "run.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct Farm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

TEST_CASE("a drain may be planned for a time, and workers show the plan") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/workers/w1/drain",
                    R"({"worker":1,"name":"w1","state":"up","drain_at":"2026-12-24T17:00:00.000Z",)"
                    R"("tasks_taken_back":0,"tasks_held":1})");
  const auto done = farm.program.run({"drain", "w1", "--at", "2026-12-24T18:00:00+01:00", "--reason", "driver"});
  CHECK(done.out == "worker 1 w1 is up, and drains at 2026-12-24T17:00:00.000Z\n");
  CHECK(boost::json::parse(farm.scheduler.requests().at(0).body) ==
        boost::json::parse(R"({"at":"2026-12-24T17:00:00Z","reason":"driver"})"));
  CHECK(farm.program.run({"drain", "w1", "--in", "soon"}).code == 2);
  CHECK(farm.program.run({"drain", "w1", "--in", "2h", "--at", "18:00"}).code == 2);
  CHECK(farm.program.run({"drain", "w1", "--in", "2h", "--revoke"}).code == 2);
}

TEST_CASE("a moment is a time of day that comes next, a duration from now, or a date") {
  const base::WallTime now{1'798'131'600'000};
  CHECK(moment_of("2026-12-24T18:00:00+01:00", now) == now);
  CHECK(moment_of("2h", now) == base::WallTime{now.unix_ms + 7'200'000});
  for (const char* time : {"00:00", "12:30", "23:59"}) {
    const auto moment = moment_of(time, now);
    REQUIRE(moment);
    CHECK(moment->unix_ms > now.unix_ms);
    CHECK(moment->unix_ms <= now.unix_ms + std::int64_t{25} * 3'600'000);
    CHECK(moment->unix_ms % 60'000 == 0);
  }
  for (const char* text : {"", "24:00", "1:30", "12:60", "noon", "0s", "-2h"}) CHECK_FALSE(moment_of(text, now));
}

}  // namespace
}  // namespace framemill::cli
