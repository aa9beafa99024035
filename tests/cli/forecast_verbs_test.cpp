// What jobs and job print of forecasts and levers.
#include <boost/json.hpp>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct ForecastFarm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

// In the year 2100, so that no moment is today or this week.
std::string forecast_json(const std::string& state, const std::string& on_time) {
  return R"({"state":")" + state +
         R"(","ready_p50":"2100-01-01T17:40:00.000Z","ready_p90":"2100-01-01T18:20:00.000Z",)" +
         R"("later_than":null,"on_time":)" + on_time + R"(,"progress":0.4,"reason":""})";
}

TEST_CASE("jobs and job say when a job will be ready, how likely in time, and what would help") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  ForecastFarm farm;
  JobSample job, measuring;
  job.deadline = R"("2100-01-01T18:00:00.000Z")";
  job.forecast = forecast_json("estimated", "0.78");
  measuring.id = 7;
  measuring.forecast = R"({"state":"measuring","reason":"layer a: no work of its kind has been measured yet"})";
  farm.scheduler.on("GET /api/v1/jobs?limit=20",
                    "{\"items\":[" + summary_json(job) + "," + summary_json(measuring) + "],\"next\":null}");
  const auto list = farm.program.run({"jobs"});
  CHECK(list.out.find("  48/192  2100-01-01 17:40  78 %   50  ana  ") != std::string::npos);
  CHECK(list.out.find("  48/192  measuring            -   50  ana  ") != std::string::npos);

  farm.scheduler.on("GET /api/v1/jobs/12", job_json(job));
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards is ready"));
  farm.scheduler.on("GET /api/v1/jobs/12/forecast?levers=true",
                    R"({"levers":{"tried":9,"futures":8,"cut":false,"items":[
                        {"sentence":"priority 80 makes it 97 % likely, costs atlas (job 3) 25 min"}]}})");
  const auto shown = farm.program.run({"job", "12"});
  CHECK(shown.out.find("\n  ready 2100-01-01 17:40 (p90 2100-01-01 18:20), deadline 2100-01-01 18:00: 78 % likely\n") !=
        std::string::npos);
  CHECK(shown.out.find("\n  what would help:\n    priority 80 makes it 97 % likely, costs atlas (job 3) 25 min\n") !=
        std::string::npos);

  // Safe: nobody is asked what would help, unless a person asks.
  ForecastFarm safe;
  job.forecast = forecast_json("estimated", "0.95");
  safe.scheduler.on("GET /api/v1/jobs/12", job_json(job));
  safe.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards is ready"));
  CHECK(safe.program.run({"job", "12"}).out.find("what would help") == std::string::npos);
  safe.scheduler.on("GET /api/v1/jobs/12/forecast?levers=true", R"({"levers":{"items":[]}})");
  CHECK(safe.program.run({"job", "12", "--levers"}).out.find("what would help: nothing that was tried") !=
        std::string::npos);
}

TEST_CASE("an older scheduler foretells nothing, and that is no error") {
  ForecastFarm farm;
  boost::json::object job = boost::json::parse(job_json({})).as_object();
  job.erase("forecast");
  job.erase("deadline");
  farm.scheduler.on("GET /api/v1/jobs/12", boost::json::serialize(job));
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards is ready"));
  CHECK(farm.program.run({"job", "12"}).code == 0);
}

}  // namespace
}  // namespace framemill::cli
