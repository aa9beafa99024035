#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

constexpr const char* kPlan =
    R"({"job":12,"version":3,"spec":{"api":"framemill/v1","name":"look","version":3,"layer":[{"name":"a"}]}})";

struct Farm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
  Farm() { scheduler.on("GET /api/v1/jobs/12/plan", kPlan); }
};

}  // namespace

TEST_CASE("clone submits the accepted spec with what --set changes, under a version of its own") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":13,"version":4,"repeated":false})", 201);
  const auto done = farm.program.run({"clone", "12", "--set", "layer.a.seed=7"});
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(done.out == "job 13 submitted, version 4 of its shots\n  watch it: framemill follow 13\n");
  const auto body = boost::json::parse(farm.scheduler.requests()[1].body).as_object();
  CHECK(boost::json::parse(body.at("spec").as_string()) ==
        boost::json::parse(R"({"api":"framemill/v1","name":"look","layer":[{"name":"a"}]})"));
  CHECK(body.at("overrides") == boost::json::parse(R"([["layer.a.seed","7"]])"));
  CHECK(body.at("format").as_string() == "json");
  CHECK(body.at("reason").as_string() == "clone of job 12");
  CHECK(farm.program.run({"clone", "12", "-q"}).out == "13\n");
}

TEST_CASE("a clone's seeds can be changed: those that follow each other are a first one and a count") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/jobs/15/plan",
                    R"({"job":15,"spec":{"api":"framemill/v1","layer":[{"name":"a","variants":[7,8,9]},)"
                    R"({"name":"b","variants":[7,9]},{"name":"c"},{"name":"d","variants":[1]}]}})");
  CHECK(boost::json::parse(farm.program.run({"clone", "15", "--print"}).out).at("layer") ==
        boost::json::parse(R"([{"name":"a","seed":7,"variants":3},{"name":"b","variants":[7,9]},{"name":"c"},)"
                           R"({"name":"d","seed":1,"variants":1}])"));
}

TEST_CASE("clone --print shows the spec and submits nothing") {
  Farm farm;
  const auto done = farm.program.run({"clone", "12", "--print"});
  CHECK(done.code == 0);
  CHECK(boost::json::parse(done.out).at("name").as_string() == "look");
  CHECK(farm.scheduler.requests().size() == 1);
  CHECK(farm.program.run({"clone", "12", "--print", "--set", "name=x"}).code == 2);
}

TEST_CASE("a change that makes a clone's spec wrong is shown like that of any spec") {
  Farm farm;
  farm.scheduler.on(
      "POST /api/v1/jobs",
      R"({"code":"spec.invalid","message":"1 error","field":"","hint":"","errors":[{"code":"spec.bad_override","line":null,)"
      R"("column":null,"field":"layer.b","message":"no layer 'b'","expected":"","suggestion":"did you mean a?"}]})",
      422);
  const auto done = farm.program.run({"clone", "12", "--set", "layer.b.seed=7"});
  CHECK(done.code == 2);
  CHECK(done.err.find("no layer 'b' [spec.bad_override]") != std::string::npos);
  farm.scheduler.on("GET /api/v1/jobs/14/plan", R"({"job":14})");
  CHECK(farm.program.run({"clone", "14"}).code == 1);
}

TEST_CASE("usage sums by show, by user or by both, and --json is the answer") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/usage",
                    R"({"items":[{"show":"harbor","principal":"ana","jobs":2,"jobs_live":1,"frames_published":96,)"
                    R"("retries":1,"device_us":7200000000},{"show":"harbor","principal":"ben","jobs":1,"jobs_live":0,)"
                    R"("frames_published":4,"retries":0,"device_us":1800000000},{"show":"dunes","principal":"ana",)"
                    R"("jobs":1,"jobs_live":0,"frames_published":0,"retries":0,"device_us":9000000000}]})");
  CHECK(farm.program.run({"usage"}).out ==
        "SHOW USER   DEVICE HOURS  JOBS  LIVE  FRAMES  RETRIES\n"
        "dunes ana           2.50     1     0       0        0\n"
        "harbor ana          2.00     2     1      96        1\n"
        "harbor ben          0.50     1     0       4        0\n");
  CHECK(farm.program.run({"usage", "--by", "user"}).out ==
        "USER  DEVICE HOURS  JOBS  LIVE  FRAMES  RETRIES\n"
        "ana           4.50     3     1      96        1\n"
        "ben           0.50     1     0       4        0\n");
  CHECK(boost::json::parse(farm.program.run({"usage", "--json"}).out).at("items").as_array().size() == 3);
  CHECK(farm.program.run({"usage", "--by", "shot"}).code == 2);
  farm.scheduler.on("GET /api/v1/usage?show=a%20b&principal=ana&live=true", R"({"items":[]})");
  CHECK(farm.program.run({"usage", "--show", "a b", "--user", "ana", "--live"}).out == "no jobs\n");
}

TEST_CASE("submit --watch follows what was submitted, and says how it ended") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":12,"version":3,"repeated":false})", 201);
  farm.scheduler.on("GET /api/v1/jobs/12", job_json({}));
  JobSample failed;
  failed.state = "failed";
  farm.scheduler.on("GET /api/v1/jobs/12", job_json(failed));
  farm.scheduler.on("GET /api/v1/workers", R"({"items":[]})");
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards t4 waits for a slot"));
  const auto file = farm.program.home.write("shot.toml", "api = \"framemill/v1\"\n").string();
  const auto done = farm.program.run({"submit", "--watch", file});
  INFO(done.out << done.err);
  CHECK(done.code == 3);
  CHECK(done.out.starts_with("job 12 submitted"));
  CHECK(farm.program.run({"submit", "--watch", "-q", file}).code == 2);
  CHECK(farm.program.run({"submit", "--watch", "--json", file}).code == 2);
}

}  // namespace framemill::cli
