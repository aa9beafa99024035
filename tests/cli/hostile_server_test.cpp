#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

// Every verb that reads, against one answer for all of them.
void check_all(const std::string& body) {
  FakeScheduler scheduler;
  for (const char* call : {"GET /api/v1/jobs?limit=20", "GET /api/v1/jobs/12", "GET /api/v1/jobs/12/frames?limit=1000",
                           "GET /api/v1/jobs/12/logs?limit=10", "GET /api/v1/workers", "GET /api/v1/jobs/12/explain",
                           "GET /api/v1/version"})
    scheduler.on(call, body);
  scheduler.on("POST /api/v1/jobs/12/cancel", body);
  Program program(scheduler.url());
  const std::vector<std::vector<std::string>> lines{
      {"jobs"},          {"job", "12"}, {"frames", "12"}, {"logs", "12"},   {"workers"},
      {"explain", "12"}, {"version"},   {"cancel", "12"}, {"follow", "12"}, {"wait", "12"}};
  for (const auto& line : lines) {
    INFO(line.front() << " with " << body.substr(0, 60));
    const auto done = program.run(line);
    CHECK(done.code == 1);
    CHECK(done.err.starts_with("framemill: "));
  }
}

}  // namespace

TEST_CASE("answers that are no JSON, or other JSON than promised, are the server's fault") {
  check_all("");
  check_all("<html>proxy</html>");
  check_all("[]");
  check_all("null");
  check_all("{}");
  check_all(R"({"items":{}})");
  check_all(R"({"items":[7],"id":"12","job":[],"version":{}})");
  check_all(std::string(100'000, '['));
  check_all("{\"items\":[\"\xff\xfe\"]}");
}

TEST_CASE("a page that promises more for ever ends") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs?limit=20", R"({"items":[],"next":"again"})");
  scheduler.on("GET /api/v1/jobs?limit=20&after=again", R"({"items":[],"next":"again"})");
  Program program(scheduler.url());
  const auto done = program.run({"jobs"});
  CHECK(done.code == 0);
  CHECK(done.out == "no jobs\n");
}

TEST_CASE("names with escapes are shown harmless") {
  FakeScheduler scheduler;
  JobSample job;
  job.name = "\\u001b]0;owned\\u0007";
  scheduler.on("GET /api/v1/jobs?limit=20", R"({"items":[)" + summary_json(job) + R"(],"next":null})");
  Program program(scheduler.url());
  const auto done = program.run({"jobs"});
  CHECK(done.code == 0);
  CHECK(done.out.find('\x1b') == std::string::npos);
  CHECK(done.out.find("\uFFFD]0;owned\uFFFD") != std::string::npos);
}

TEST_CASE("numbers at the edge of their range do no harm") {
  FakeScheduler scheduler;
  JobSample job;
  job.layers = layer_json("a", "generate", "running", 2147483647, -5, 0, 0, 2147483647, -1, "-9223372036854775808");
  job.eta = "9223372036854775807";
  job.frames = -1;
  scheduler.on("GET /api/v1/jobs/12", job_json(job));
  scheduler.on("GET /api/v1/workers", R"({"items":[]})");
  scheduler.on("GET /api/v1/jobs/12/explain", explanation_json(""));
  Program program(scheduler.url());
  program.terminal.interactive = true;
  CHECK(program.run({"job", "12"}).code == 0);
  int asked = 0;
  program.keep_going = [&] { return ++asked < 12; };
  CHECK(program.run({"follow", "12"}).code == 130);
}

}  // namespace framemill::cli
