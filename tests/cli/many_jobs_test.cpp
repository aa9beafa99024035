// Lists and changes of many jobs, and the limits of the farm, from the command line.
#include <boost/json.hpp>

#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct ManyJobs {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

const net::HttpRequest& only_one(const std::vector<net::HttpRequest>& requests) {
  REQUIRE(requests.size() == 1);
  return requests.front();
}

}  // namespace

TEST_CASE("many jobs are shown before they are changed, and --dry-run changes none") {
  ManyJobs farm;
  const std::string matched =
      R"({"dry_run":true,"matched":22,"changed":0,"skipped":0,"states":{"queued":20,"paused":2},)"
      R"("jobs":[)" +
      summary_json({}) + "]}";
  farm.scheduler.on("POST /api/v1/bulk/cancel?dry_run=true", matched);
  farm.scheduler.on("POST /api/v1/bulk/cancel",
                    R"({"dry_run":false,"matched":22,"changed":21,"skipped":1,"states":{},"jobs":[]})");
  const auto only_asked = farm.program.run({"cancel", "--user", "ana", "--state", "queued", "--dry-run"});
  CHECK(only_asked.code == 0);
  CHECK_THAT(only_asked.out, Catch::Contains("and 21 jobs more\n22 jobs would be cancelled: 20 queued, 2 paused\n"));
  const auto asked = farm.scheduler.requests();
  CHECK(only_one(asked).target == "/api/v1/bulk/cancel?dry_run=true");
  const auto done =
      farm.program.run({"cancel", "--show", "harbor", "--since", "2026-12-01T10:00:00Z", "--reason", "old"});
  CHECK(done.code == 0);
  CHECK_THAT(done.out, Catch::Contains("22 jobs would be cancelled") &&
                           Catch::EndsWith("21 jobs cancelled; 1 left as they were: over, or in another state\n"));
  const auto requests = farm.scheduler.requests();
  REQUIRE(requests.size() == 3);
  CHECK(boost::json::parse(requests.back().body) ==
        boost::json::parse(R"({"select":{"show":"harbor","since":"2026-12-01T10:00:00Z"},"reason":"old"})"));
}

TEST_CASE("at a terminal many jobs are changed only when the person says yes") {
  ManyJobs farm;
  const std::string matched =
      R"({"dry_run":true,"matched":1,"changed":0,"skipped":0,"states":{"queued":1},"jobs":[)" + summary_json({}) + "]}";
  farm.scheduler.on("POST /api/v1/bulk/priority?dry_run=true", matched);
  farm.scheduler.on("POST /api/v1/bulk/priority",
                    R"({"dry_run":false,"matched":1,"changed":1,"skipped":0,"states":{},"jobs":[]})");
  farm.program.terminal.interactive = true;
  farm.program.input = "n\n";
  CHECK_THAT(farm.program.run({"priority", "--user", "ana", "80"}).out, Catch::EndsWith("nothing was changed\n"));
  farm.program.input = "y\n";
  CHECK_THAT(farm.program.run({"priority", "--user", "ana", "80"}).out, Catch::EndsWith("1 job given priority 80\n"));
  farm.program.input = "";
  CHECK_THAT(farm.program.run({"priority", "--user", "ana", "80", "--yes"}).out,
             Catch::EndsWith("1 job given priority 80\n"));
}

TEST_CASE("a change needs a job or a selection of jobs, and not both") {
  ManyJobs farm;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"cancel"},
                                                {"cancel", "12", "--user", "ana"},
                                                {"pause", "12", "--dry-run"},
                                                {"cancel", "--since", "yesterday"},
                                                {"priority", "80"}})
    CHECK(farm.program.run(words).code == 2);
  CHECK(farm.scheduler.requests().empty());
}

TEST_CASE("jobs asks the scheduler for what is wanted, and not itself") {
  ManyJobs farm;
  farm.scheduler.on("GET /api/v1/jobs?user=ben&sequence=hb&state=stuck&tag=dailies&text=sea%20side&live=true&limit=20",
                    R"({"items":[],"next":null})");
  CHECK(farm.program
            .run({"jobs", "--user", "ben", "--sequence", "hb", "--state", "stuck", "--tag", "dailies", "--text",
                  "sea side", "--live"})
            .out == "no jobs\n");
}

TEST_CASE("limits are shown with who uses them, and set with a reason") {
  ManyJobs farm;
  farm.scheduler.on(
      "GET /api/v1/limits",
      R"({"items":[{"name":"big@1","kind":"model","count":4,"configured":4,"in_use":0,"waiting":0,)"
      R"("users":[],"changed":null},{"name":"nuke","kind":"token","count":10,"configured":20,"in_use":10,)"
      R"("waiting":35,"users":[{"job":7,"slots":8},{"job":9,"slots":2}],)"
      R"("changed":{"principal":"root","time":null,"reason":"two seats are lent"}}]})");
  farm.scheduler.on("POST /api/v1/limits/big%401", R"({"name":"big@1","count":2})");
  const auto shown = farm.program.run({"limits"});
  CHECK(shown.code == 0);
  CHECK(shown.out ==
        "LIMIT  COUNT  IN USE  WAITING  USED BY               CHANGED BY\n"
        "big@1      4       0        0  -                     -\n"
        "nuke      10      10       35  job 7 (8), job 9 (2)  root: two seats are lent (configured: 20)\n");
  CHECK(farm.program.run({"limits", "set", "big@1", "2", "--reason", "new GPU"}).out ==
        "big@1: 2 from now on; what is in use goes on to its end\n");
  CHECK(boost::json::parse(farm.scheduler.requests().back().body) ==
        boost::json::parse(R"({"count":2,"reason":"new GPU"})"));
  CHECK(farm.program.run({"limits", "set", "nuke"}).code == 2);
  CHECK(farm.program.run({"limits", "set", "nuke", "-1"}).code == 2);
  CHECK(farm.program.run({"limits", "raise"}).code == 2);
}

}  // namespace framemill::cli
