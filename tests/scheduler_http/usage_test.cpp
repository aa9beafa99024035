#include "api_fixture.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::sample_job;

TEST_CASE("usage sums the jobs of each show and person, the most device time first") {
  ApiFixture fixture;
  fixture.farm.job_list = {sample_job(JobId(4), "ana"), sample_job(JobId(3), "ben"), sample_job(JobId(2), "ana"),
                           sample_job(JobId(1), "ana")};
  JobView& elsewhere = fixture.farm.job_list[3];
  elsewhere.show = "dunes";
  elsewhere.state = jobs::JobState::Done;
  elsewhere.device_us = 5;
  const auto items = fixture.json_of(fixture.call("vic", "GET", "/api/v1/usage")).at("items").as_array();
  REQUIRE(items.size() == 3);
  CHECK(items[0].at("principal").as_string() == "ana");
  CHECK(items[0].at("show").as_string() == "harbor");
  CHECK(items[0].at("jobs").as_int64() == 2);
  CHECK(items[0].at("jobs_live").as_int64() == 2);
  CHECK(items[0].at("frames_published").as_int64() == 32);
  CHECK(items[0].at("device_us").as_int64() == 36'000'000'000'000);
  CHECK(items[1].at("principal").as_string() == "ben");
  CHECK(items[2].at("show").as_string() == "dunes");
  CHECK(items[2].at("jobs_live").as_int64() == 0);
  CHECK(items[2].at("device_us").as_int64() == 5);
}

TEST_CASE("usage is of one show, one person or of live jobs alone where that is asked for") {
  ApiFixture fixture;
  fixture.call("vic", "GET", "/api/v1/usage?show=harbor&principal=ana&live=true");
  const JobFilter& asked = fixture.farm.filters.back();
  CHECK(asked.show == "harbor");
  CHECK(asked.principal == "ana");
  CHECK(asked.live == true);
  CHECK(asked.limit == UINT32_MAX);
  CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/usage?live=maybe")) == "400 request.bad_parameter");
}

}  // namespace framemill::scheduler
