#include <boost/json.hpp>

#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

std::string error_json(const std::string& code) {
  return R"({"code":")" + code + R"(","message":"told so","field":"","hint":"do that"})";
}

}  // namespace

TEST_CASE("each kind of refusal has its exit code") {
  struct Case {
    int status;
    std::string code;
    int exit;
  };
  for (const Case& c : std::vector<Case>{{401, "auth.expired", 4},
                                         {403, "auth.role", 4},
                                         {404, "job.unknown", 2},
                                         {409, "job.final", 2},
                                         {413, "http.too_large", 2},
                                         {422, "frames.syntax", 2},
                                         {429, "http.busy", 1},
                                         {500, "http.internal", 1},
                                         {503, "store.read_only", 1}}) {
    FakeScheduler scheduler;
    scheduler.on("POST /api/v1/jobs/12/cancel", error_json(c.code), c.status);
    Program program(scheduler.url());
    const auto done = program.run({"cancel", "12"});
    INFO(c.code);
    CHECK(done.code == c.exit);
    CHECK(done.out.empty());
    CHECK(done.err == "framemill: told so [" + c.code + "]\n  do that\n");
    CHECK(boost::json::parse(program.run({"cancel", "12", "--json"}).err) == boost::json::parse(error_json(c.code)));
  }
}

TEST_CASE("a server that is not there is exit code 1, bad settings are 78") {
  CHECK(Program("http://127.0.0.1:9").run({"jobs"}).code == 1);
  Program program;
  program.home.write(".config/framemill/config.toml", "colour = true\n");
  CHECK(program.run({"jobs"}).code == 78);
  program.home.write(".config/framemill/config.toml", "server = \"ftp://farm\"\n");
  CHECK(program.run({"jobs"}).code == 78);
  CHECK(program.run({"jobs", "--server", "ftp://farm"}).code == 2);
}

TEST_CASE("output that cannot be written is an error, and no success") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs?limit=20", R"({"items":[],"next":null})");
  Program program(scheduler.url());
  std::ofstream full("/dev/full");
  std::ostringstream err;
  Host host{full,
            err,
            std::cin,
            {},
            -1,
            [&](const char* name) { return program.environment[name]; },
            [] { return true; },
            FRAMEMILL_BIN_DIR};
  CHECK(run_program({"jobs"}, host, declare_verbs) == 1);
  CHECK(err.str() == "framemill: the output could not be written: No space left on device [output.write]\n");
}

TEST_CASE("bad command lines are exit code 2 and say what would be right") {
  Program program;
  const auto wrong_verb = program.run({"sumbit", "x.toml"});
  CHECK(wrong_verb.code == 2);
  CHECK(wrong_verb.err == "framemill: unknown verb 'sumbit'\n  did you mean framemill submit?\n");
  const auto after_an_option = program.run({"--token-file", "token", "sumbit"});
  CHECK(after_an_option.err == wrong_verb.err);
  CHECK(program.run({"job"}).code == 2);
  CHECK(program.run({"job", "12", "extra"}).code == 2);
  CHECK(program.run({"jobs", "--limit", "x"}).code == 2);
  CHECK(program.run({"jobs", "--limit", "0"}).code == 2);
  CHECK(program.run({"job", "twelve"}).code == 2);
  CHECK(program.run({"job", "0"}).code == 2);
  CHECK(program.run({"job", "99999999999"}).code == 2);
  CHECK(program.run({"priority", "12", "101"}).code == 2);
  CHECK(program.run({"submit", "/nowhere/shot.toml"}).code == 2);
  CHECK(program.run({"submit", "/dev/null", "--set", "novalue"}).code == 2);
  CHECK(program.run({"wait", "12", "--timeout", "soon"}).code == 2);
  CHECK(program.run({}).code == 2);
  const auto as_json = program.run({"jobs", "--limit", "x", "--json"});
  CHECK(as_json.code == 2);
  CHECK(boost::json::parse(as_json.err).at("code").as_string() == "usage.command_line");
}

TEST_CASE("version prints its own before it says that the server does not answer") {
  Program program("http://127.0.0.1:9");
  const auto done = program.run({"version"});
  CHECK(done.code == 1);
  CHECK(done.out == "framemill " FRAMEMILL_VERSION "\n");
  CHECK(done.err.find("[net.") != std::string::npos);
  const auto as_json = program.run({"version", "--json"});
  CHECK(as_json.code == 1);
  CHECK(boost::json::parse(as_json.out) ==
        boost::json::parse("{\"version\":\"" FRAMEMILL_VERSION "\",\"server\":null}"));
  CHECK(program.run({"version", "--client"}).code == 0);
}

TEST_CASE("every verb has help with an example") {
  Program program;
  const std::string all = program.run({"--help"}).out;
  for (const char* verb :
       {"submit", "check", "jobs",   "job",     "frames",   "logs",     "workers", "drain",   "undrain",
        "cancel", "pause", "resume", "retry",   "priority", "follow",   "wait",    "explain", "sheet",
        "keys",   "model", "doctor", "version", "deadline", "diagnose", "db"}) {
    INFO(verb);
    CHECK(all.find(std::string("\n  ") + verb + " ") != std::string::npos);
    const auto help = program.run({verb, "--help"});
    CHECK(help.code == 0);
    CHECK(help.out.find(std::string("Example:\n  framemill ") + verb) != std::string::npos);
    CHECK(help.out.find("--json") != std::string::npos);
  }
  CHECK(all.find("Example:\n  framemill check shot.toml") != std::string::npos);
  CHECK(program.run({"--version"}).out == "framemill " FRAMEMILL_VERSION "\n");
}

TEST_CASE("wait exits with the status of how the job ended") {
  for (const auto& [state, code] :
       std::vector<std::pair<std::string, int>>{{"done", 0}, {"failed", 3}, {"cancelled", 5}}) {
    FakeScheduler scheduler;
    JobSample job;
    scheduler.on("GET /api/v1/jobs/12", job_json(job));
    job.state = state;
    job.finished = "\"2026-11-22T09:01:00.000Z\"";
    scheduler.on("GET /api/v1/jobs/12", job_json(job));
    Program program(scheduler.url());
    const auto done = program.run({"wait", "12"});
    CHECK(done.code == code);
    CHECK(done.out.starts_with("job 12 is " + state + ": 48 of 192 frames in 1:00"));
  }
}

TEST_CASE("wait gives up after its time, and like follow at once on a job that can never run") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs/12", job_json({}));
  JobSample stuck;
  stuck.id = 13;
  stuck.tasks = counts_json(4, 2, 0, 0);
  scheduler.on("GET /api/v1/jobs/13", job_json(stuck));
  scheduler.on("GET /api/v1/jobs/13/explain", explanation_json("no slot has 80 GiB", true));
  Program program(scheduler.url());
  CHECK(program.run({"wait", "12", "--timeout", "0s"}).code == 7);
  const auto never = program.run({"wait", "13", "--timeout", "60s"});
  CHECK(never.code == 6);
  CHECK(never.out == "job 13 is running: no slot has 80 GiB\n");
  scheduler.on("GET /api/v1/workers", R"({"items":[],"next":""})");
  const auto left = program.run({"follow", "13"});
  CHECK(left.code == 6);
  CHECK(left.err == "no slot has 80 GiB\nframemill explain 13 says more, framemill cancel 13 cancels it\n");
}

}  // namespace framemill::cli
