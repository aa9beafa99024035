#include <boost/json.hpp>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct Farm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

std::string page(const std::string& items, const std::string& next = "null") {
  return "{\"items\":[" + items + "],\"next\":" + next + "}";
}

const net::HttpRequest& only(const std::vector<net::HttpRequest>& requests) {
  REQUIRE(requests.size() == 1);
  return requests.front();
}

}  // namespace

TEST_CASE("submit sends spec, overrides and a key, and prints the job's number") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":12,"version":3,"repeated":false})", 201);
  const auto file = farm.program.home.write("shot.toml", "api = \"framemill/v1\"\n");
  const auto done =
      farm.program.run({"submit", file.string(), "--set", "layer.boards.prompt=snowy hills, a=b", "--reason", "try"});
  CHECK(done.code == 0);
  CHECK(done.out == "job 12 submitted, version 3 of its shots\n  watch it: framemill follow 12\n");
  const auto requests = farm.scheduler.requests();
  REQUIRE(requests.size() == 2);  // the second asks whether it can ever run
  const net::HttpRequest& request = requests.front();
  const std::string* key = request.header("Idempotency-Key");
  REQUIRE(key != nullptr);
  CHECK(key->size() == 32);
  CHECK(
      boost::json::parse(request.body) ==
      boost::json::parse(
          R"({"spec":"api = \"framemill/v1\"\n","format":"toml","overrides":[["layer.boards.prompt","snowy hills, a=b"]],"reason":"try"})"));
  CHECK(farm.program.run({"submit", "-q", file.string()}).out == "12\n");
}

TEST_CASE("submit reads standard input and tells JSON from TOML") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":12,"version":3,"repeated":false})", 201);
  farm.program.input = " {\"api\":\"framemill/v1\"}";
  CHECK(farm.program.run({"submit", "-", "-q"}).out == "12\n");
  const auto requests = farm.scheduler.requests();
  CHECK(boost::json::parse(only(requests).body).at("format").as_string() == "json");
}

TEST_CASE("submit shows the findings of a bad spec like a compiler and exits with status 2") {
  Farm farm;
  farm.scheduler.on(
      "POST /api/v1/jobs",
      R"({"code":"spec.invalid","message":"1 error","field":"","hint":"","errors":[{"code":"spec.unknown_key","line":1,)"
      R"("column":1,"field":"pai","message":"unknown key 'pai'","expected":"","suggestion":"did you mean api?"}]})",
      422);
  const auto file = farm.program.home.write("shot.toml", "pai = \"framemill/v1\"\n");
  const auto done = farm.program.run({"submit", file.string()});
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(done.err.find(":1:1: error: unknown key 'pai' [spec.unknown_key]\n    1 | pai = ") != std::string::npos);
  const auto as_json = farm.program.run({"submit", file.string(), "--json"});
  CHECK(as_json.code == 2);
  CHECK(boost::json::parse(as_json.out).at("items").at(0).at("errors").as_array().size() == 1);
}

TEST_CASE("findings that come without a place get the one they have in the TOML text, in the order of the lines") {
  Farm farm;
  farm.scheduler.on(
      "POST /api/v1/jobs",
      R"({"code":"spec.invalid","message":"2 errors","field":"","hint":"","errors":[)"
      R"({"code":"prompt.unknown_word","line":null,"column":null,"field":"layer[0].prompt","message":"no word 'zebra'","expected":"","suggestion":""},)"
      R"({"code":"spec.version_taken","line":null,"column":null,"field":"version","message":"version 3 is taken","expected":"","suggestion":""}]})",
      422);
  const auto file = farm.program.home.write(
      "shot.toml", "api = \"framemill/v1\"\nversion = 3\n[[layer]]\nname = \"a\"\nprompt = \"zebra\"\n");
  const auto done = farm.program.run({"submit", file.string()});
  CHECK(done.code == 2);
  const std::size_t version = done.err.find(":2:1: error: version 3 is taken"),
                    prompt = done.err.find(":5:1: error: no word 'zebra'");
  INFO(done.err);
  REQUIRE(version != std::string::npos);
  REQUIRE(prompt != std::string::npos);
  CHECK(version < prompt);
  CHECK(done.err.find("    5 | prompt = \"zebra\"") != std::string::npos);
  const auto json = boost::json::parse(farm.program.run({"submit", file.string(), "--json"}).out);
  CHECK(json.at("items").at(0).at("errors").at(1).at("line").as_int64() == 5);
}

TEST_CASE("several specs are read before the first is submitted, and --json is one document of all") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":12,"version":3,"repeated":false})", 201);
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":13,"version":4,"repeated":false})", 201);
  const auto file = farm.program.home.write("shot.toml", "api = \"framemill/v1\"\n").string();
  const auto refused = farm.program.run({"submit", file, farm.program.home.path().string()});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("is a directory [file.not_a_file]") != std::string::npos);
  CHECK(farm.scheduler.requests().empty());
  const auto done = boost::json::parse(farm.program.run({"submit", file, file, "--json"}).out);
  CHECK(done.at("items").at(0).at("job").as_int64() == 12);
  CHECK(done.at("items").at(1).at("job").as_int64() == 13);
  CHECK(done.at("items").at(1).at("file").as_string() == file);
}

TEST_CASE("a submit that cannot reach the server is tried again with the same key") {
  Program program("http://127.0.0.1:9");
  const auto file = program.home.write("shot.toml", "x = 1\n");
  const auto done = program.run({"submit", file.string()});
  CHECK(done.code == 1);
  CHECK(done.err.starts_with("framemill: "));
}

TEST_CASE("the token of the private file goes along, and the last job is the caller's newest") {
  Farm farm;
  const auto token = farm.program.home.write("token", "abc123\n", 0600);
  farm.scheduler.on("GET /api/v1/jobs?mine=true&limit=1", page(summary_json({})));
  farm.scheduler.on("GET /api/v1/jobs/12", job_json({}));
  const auto done = farm.program.run({"job", "last", "--token-file", token.string()});
  REQUIRE(done.code == 0);
  for (const net::HttpRequest& request : farm.scheduler.requests()) {
    REQUIRE(request.header("Authorization") != nullptr);
    CHECK(*request.header("Authorization") == "Bearer abc123");
  }
}

TEST_CASE("a token file that others can read is not used") {
  Farm farm;
  const auto token = farm.program.home.write("token", "abc123\n", 0644);
  const auto done = farm.program.run({"jobs", "--token-file", token.string()});
  CHECK(done.code == 4);
  CHECK(done.err.find("chmod 600") != std::string::npos);
  CHECK(farm.scheduler.requests().empty());
}

TEST_CASE("a worker without a name asks for nothing") {
  Farm farm;
  const auto done = farm.program.run({"drain", ""});
  CHECK(done.code == 2);
  CHECK(done.err.find("[worker.unknown]") != std::string::npos);
  CHECK(farm.scheduler.requests().empty());
}

TEST_CASE("a page without items is not the end where the server names a next one") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/jobs/12/frames?limit=1000", R"({"items":[],"next":"a"})");
  farm.scheduler.on("GET /api/v1/jobs/12/frames?limit=1000&after=a", R"({"items":[],"next":"b"})");
  farm.scheduler.on("GET /api/v1/jobs/12/frames?limit=1000&after=b", R"({"items":[],"next":"b"})");
  CHECK(farm.program.run({"frames", "12"}).code == 0);
  CHECK(farm.scheduler.requests().size() >= 3);
}

TEST_CASE("jobs puts pages together and prints a table") {
  Farm farm;
  JobSample second;
  second.id = 7;
  second.name = "calm";
  second.state = "done";
  farm.scheduler.on("GET /api/v1/jobs?live=true&limit=20", page(summary_json({}), "\"n2\""));
  farm.scheduler.on("GET /api/v1/jobs?live=true&limit=19&after=n2", page(summary_json(second)));
  const auto done = farm.program.run({"jobs", "--live"});
  REQUIRE(done.code == 0);
  CHECK(done.out.starts_with(
      "JOB  STATE    CONDITION  NAME   SHOT                VER  FRAMES  READY  ODDS  PRI  BY   SUBMITTED\n"
      " 12  running  -          storm  harbor/hb/hb_0010  v001  48/192  -         -   50  ana  "));
  CHECK(done.out.find("\n  7  done     -          calm") != std::string::npos);
}

TEST_CASE("jobs and job show what keeps a job from running, beside its state") {
  Farm farm;
  JobSample job;
  job.condition =
      R"({"kind":"stuck","layer":"boards","reason":"storage_full, main is full","since":"2026-11-22T09:05:00.000Z"})";
  farm.scheduler.on("GET /api/v1/jobs?limit=20", page(summary_json(job)));
  CHECK(farm.program.run({"jobs"}).out.find("\n 12  running  stuck      storm") != std::string::npos);
  farm.scheduler.on("GET /api/v1/jobs/12", job_json(job));
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards is ready"));
  const auto done = farm.program.run({"job", "12"});
  CHECK(done.out.find("stuck since 2026-11-22T09:05:00.000Z: boards: storage_full, main is full") != std::string::npos);
}

TEST_CASE("workers shows what a worker no longer gets") {
  Farm farm;
  std::string worker = worker_json(1, "w1", slot_json("cpu0", ""));
  worker.insert(
      worker.size() - 1,
      R"(,"set_aside":[{"job":12,"layer":"grade","reason":"status 127 [command.exit]; it succeeds elsewhere",)"
      R"("since":"2026-11-22T09:05:00.000Z","next_try_ms":61000}])");
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" + worker + "]}");
  CHECK(farm.program.run({"workers"})
            .out.find("  w1 gets no more of job 12 grade: status 127 [command.exit]; it succeeds elsewhere\n"
                      "    one task is tried there in 1:01\n") != std::string::npos);
}

TEST_CASE("job shows layers, failures with the command that shows their log, and outputs") {
  Farm farm;
  JobSample job;
  job.layers = layer_json("boards", "generate", "failed", 90, 96, 1, 6, 2, 1);
  job.failures = R"({"code":"bad_output","message":"NaN","count":1,"first_frame":1009,"layer":"boards"})";
  farm.scheduler.on("GET /api/v1/jobs/12", job_json(job));
  const auto done = farm.program.run({"job", "12"});
  REQUIRE(done.code == 0);
  CHECK(done.out.find(
            "  boards: 1 task failed: NaN [bad_output]\n    see framemill logs 12 --layer boards --frame 1009\n") !=
        std::string::npos);
  CHECK(done.out.find("  boards t00: main:a.1001.exr\n    to a.1016.exr (16 files)\n") != std::string::npos);
  CHECK(boost::json::parse(farm.program.run({"job", "12", "--json"}).out) == boost::json::parse(job_json(job)));
}

TEST_CASE("frames lists files, paths alone, or lines for sha256sum") {
  Farm farm;
  farm.scheduler.on(
      "GET /api/v1/jobs/12/frames?layer=boards&limit=1000",
      page(
          R"({"layer":"boards","variant":0,"seed":7,"frame":1001,"kind":"frame","state":"published","root":"main",)"
          R"("path":"h/a.1001.exr","size_bytes":2048,"sha256":"aabbccddeeff0011","samples_sha256":null,"device_class":"c","attempt":"a"})"));
  CHECK(farm.program.run({"frames", "12", "--layer", "boards"}).out ==
        "LAYER   VAR  FRAME  STATE         SIZE  SHA-256       FILE\n"
        "boards    0   1001  published  2.0 KiB  aabbccddeeff  main:h/a.1001.exr\n");
  CHECK(farm.program.run({"frames", "12", "--layer", "boards", "--paths"}).out == "h/a.1001.exr\n");
  CHECK(farm.program.run({"frames", "12", "--layer", "boards", "--sums"}).out == "aabbccddeeff0011  h/a.1001.exr\n");
}

TEST_CASE("frames writes a manifest of what is published") {
  Farm farm;
  const std::string row =
      R"({"layer":"boards","variant":0,"seed":7,"frame":1001,"kind":"frame","state":"%","root":"main","path":"h/a.exr",)"
      R"("size_bytes":2048,"sha256":"aa","samples_sha256":"bb","device_class":"c","attempt":"a"})";
  const auto row_in = [&](const std::string& state) { return std::string(row).replace(row.find('%'), 1, state); };
  farm.scheduler.on("GET /api/v1/jobs/12/frames?limit=1000", page(row_in("published") + "," + row_in("committed")));
  farm.scheduler.on("GET /api/v1/jobs/12/plan",
                    R"({"job":12,"version":1,"plan_digest":"pd","models":[{"id":"demo-clips@1","digest":"dd"}],)"
                    R"("spec":{"layer":[{"name":"boards","model":"demo-clips@1"},{"name":"cut"}]},"layers":[]})");
  const auto file = farm.program.home.path() / "manifest.json";
  REQUIRE(farm.program.run({"frames", "12", "--manifest", file.string()}).code == 0);
  const auto text = base::read_file(file, 1 << 20);
  REQUIRE(text.ok());
  CHECK(
      boost::json::parse(*text) ==
      boost::json::parse(
          R"({"job":12,"version":1,"plan_digest":"pd","models":[{"id":"demo-clips@1","digest":"dd"}],)"
          R"("files":[{"file":"h/a.exr","root":"main","layer":"boards","variant":0,"frame":1001,"seed":7,"seed_text":"7",)"
          R"("model":"demo-clips@1","size_bytes":2048,"sha256":"aa","samples_sha256":"bb"}]})"));
}

TEST_CASE("logs print the newest attempt last, without its escapes") {
  Farm farm;
  const auto log = [](const std::string& attempt, const std::string& outcome, const std::string& tail) {
    return R"({"attempt":")" + attempt +
           R"(","layer":"boards","phase":"denoise","variant":0,"tasks":{"first":0,"count":1},)" +
           R"("frames":"1001-1016","worker":"w1","slot":"cpu0","ended":null,"outcome":)" + outcome +
           R"(,"code":"","message":"","output_tail":")" + tail + "\"}";
  };
  farm.scheduler.on("GET /api/v1/jobs/12/logs?frame=1009&limit=10",
                    page(log("a2", "null", "step 1\\n") + "," + log("a1", "\"failed\"", "\\u001b[2Jboom")));
  const auto done = farm.program.run({"logs", "12", "--frame", "1009"});
  CHECK(done.out ==
        "boards t00 denoise, frames 1001-1016, on w1/cpu0, attempt a1: failed\n\uFFFD[2Jboom\n"
        "\nboards t00 denoise, frames 1001-1016, on w1/cpu0, attempt a2: running\nstep 1\n");
}

TEST_CASE("workers show what their slots do") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" +
                                               worker_json(1, "w1", slot_json("cpu0", lease_json("boards", 3, 0, 14))) +
                                               "," + worker_json(2, "w2", slot_json("cpu0", ""), "silent") + "]}");
  CHECK(farm.program.run({"workers"}).out ==
        "ID  SLOT     STATE        BOOKED                WORK\n"
        " 1  w1/cpu0  up           100.0 MiB of 2.0 GiB  job 12 boards t3 denoise step 14/20\n"
        " 2  w2/cpu0  silent 0:21  100.0 MiB of 2.0 GiB  idle\n"
        "\nin trouble\n"
        "  w1: host.processes: fork: Resource temporarily unavailable\n    it gets new work again after a pause\n"
        "  w2: host.processes: fork: Resource temporarily unavailable\n    it gets new work again after a pause\n");
}

TEST_CASE("workers show how commands are confined, hosts that are alike in one line") {
  Farm farm;
  const auto told = [](int id, const std::string& name, const std::string& level, const std::string& what) {
    std::string worker = worker_json(id, name, slot_json("cpu0", ""));
    worker.insert(1, fmt::format(R"("confinement":"{}","command_confinement":"{}",)", what, level));
    return worker;
  };
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" + told(1, "w1", "enforced", "Landlock 7") + "," +
                                               told(2, "w2", "enforced", "Landlock 7") + "," +
                                               told(3, "w3", "refused", "no Landlock") + "," +
                                               told(4, "w4", "off", "") + "]}");
  CHECK_THAT(farm.program.run({"workers"}).out, Catch::Contains("confinement of w1, w2: enforced (Landlock 7)\n"
                                                                "confinement of w4: off\n"
                                                                "confinement of w3: refused (no Landlock)\n"));
}

TEST_CASE("a root that a worker cannot use is named with its trouble, one that is read-only on purpose is not") {
  Farm farm;
  std::string worker = worker_json(1, "w1", slot_json("cpu0", ""));
  const std::string none = R"("roots":[])";
  worker.replace(
      worker.find(none), none.size(),
      R"("roots":[{"name":"old","usable":false},)"
      R"({"name":"plates","usable":false,"readable":true,"read_only":true,"problem":""},)"
      R"({"name":"main","usable":false,"readable":false,"read_only":false,"problem":"root main is not mounted"}])");
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" + worker + "]}");
  const std::string out = farm.program.run({"workers"}).out;
  CHECK_THAT(out, Catch::EndsWith("roots\n  w1: cannot use root old\n  w1: root main is not mounted\n"));
  CHECK_THAT(out, !Catch::Contains("plates"));
}

TEST_CASE("two processes with one key are shown with both addresses") {
  Farm farm;
  std::string worker = worker_json(1, "w1", slot_json("cpu0", ""));
  worker.insert(1, R"("address":"10.0.0.7","other_address":"10.0.0.8",)");
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" + worker + "]}");
  CHECK(farm.program.run({"workers"}).out.find("up, 10.0.0.8 shows its key too and is refused (it is at 10.0.0.7)") !=
        std::string::npos);
}

TEST_CASE("a server that is too busy is asked again, and one that keeps being busy is an error") {
  Farm farm;
  const std::string busy = R"({"code":"farm.busy","message":"too much","field":"","hint":"later"})";
  farm.scheduler.on("GET /api/v1/workers", busy, 503);
  farm.scheduler.on("GET /api/v1/workers", R"({"code":"http.too_many_requests","message":"m","field":"","hint":""})",
                    429);
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[]}");
  const auto done = farm.program.run({"workers"});
  CHECK(done.code == 0);
  CHECK(done.out == "no workers have been seen\n");
  CHECK(farm.scheduler.requests().size() == 3);
  farm.scheduler.on("GET /api/v1/jobs?limit=20", busy, 503);
  const auto never = farm.program.run({"jobs"});
  CHECK(never.code == 1);
  CHECK(never.err.find("too much [farm.busy]") != std::string::npos);
}

TEST_CASE("verbs that change a job post the change with its reason") {
  struct Case {
    std::vector<std::string> arguments;
    std::string call, body, said;
  };
  const std::vector<Case> cases{
      {{"cancel", "12", "--reason", "wrong"}, "POST /api/v1/jobs/12/cancel", R"({"reason":"wrong"})", "cancelled"},
      {{"pause", "12"}, "POST /api/v1/jobs/12/pause", R"({"reason":""})", "paused"},
      {{"pause", "12", "--for", "8h"}, "POST /api/v1/jobs/12/pause", R"({"reason":"","for_ms":28800000})", "paused"},
      {{"resume", "12"}, "POST /api/v1/jobs/12/resume", R"({"reason":""})", "resumed"},
      {{"resume", "12", "--now"}, "POST /api/v1/jobs/12/resume", R"({"reason":"","now":true})", "resumed"},
      {{"deadline", "12", "2026-12-24T18:00:00+01:00"},
       "POST /api/v1/jobs/12/deadline",
       R"({"deadline":"2026-12-24T17:00:00Z","reason":""})",
       "has the deadline 2026-12-24T17:00:00Z"},
      {{"deadline", "12", "none"},
       "POST /api/v1/jobs/12/deadline",
       R"({"deadline":null,"reason":""})",
       "has no deadline"},
      {{"priority", "12", "80"}, "POST /api/v1/jobs/12/priority", R"({"priority":80,"reason":""})", "has priority 80"},
      {{"retry", "12", "--layer", "a", "--frames", "1-5", "--reason", "new plates"},
       "POST /api/v1/jobs/12/retry",
       R"({"layer":"a","frames":"1-5","reason":"new plates"})",
       "reopened"}};
  for (const Case& c : cases) {
    Farm farm;
    farm.scheduler.on(c.call, R"({"job":12,"state":"running","tasks":4})");
    const auto done = farm.program.run(c.arguments);
    CHECK(done.code == 0);
    CHECK(done.out == "job 12 " + c.said + ": 4 tasks; its state is running\n");
    const auto requests = farm.scheduler.requests();
    CHECK(boost::json::parse(only(requests).body) == boost::json::parse(c.body));
  }
}

TEST_CASE("retry --remake says which job makes the files again, and --replace goes with it alone") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/jobs/12/retry", R"({"job":12,"state":"done","tasks":2,"remake":17})");
  const auto done = farm.program.run({"retry", "12", "--frames", "3-4", "--remake", "--replace", "--reason", "lost"});
  CHECK(done.code == 0);
  CHECK(done.out.find("job 17 makes 2 tasks of job 12 again") != std::string::npos);
  CHECK(boost::json::parse(only(farm.scheduler.requests()).body) ==
        boost::json::parse(R"({"layer":"","frames":"3-4","reason":"lost","remake":true,"replace":true})"));
  const auto alone = farm.program.run({"retry", "12", "--frames", "3", "--replace"});
  CHECK(alone.code == 2);
  CHECK(alone.err.find("usage.replace") != std::string::npos);
}

TEST_CASE("drain and undrain name the worker, whatever its name") {
  Farm farm;
  farm.scheduler.on("POST /api/v1/workers/w%2F1/drain",
                    R"({"worker":1,"name":"w/1","state":"draining","tasks_taken_back":6,"tasks_held":1})");
  farm.scheduler.on("POST /api/v1/workers/1/undrain", R"({"worker":1,"name":"w/1","state":"up"})");
  farm.scheduler.on("POST /api/v1/workers/1/clear-quarantine", R"({"worker":1,"name":"w/1","state":"up"})");
  CHECK(farm.program.run({"drain", "w/1"}).out ==
        "worker 1 w/1 is draining: 6 tasks given to other workers, 1 task to finish here\n");
  farm.scheduler.on("POST /api/v1/workers/w%2F1/revoke", R"({"worker":1,"name":"w/1","state":"revoked"})");
  CHECK(farm.program.run({"drain", "w/1", "--revoke"}).out == "worker 1 w/1 is revoked\n");
  CHECK(farm.program.run({"undrain", "1"}).code == 0);
  CHECK(farm.program.run({"undrain", "1", "--clear-quarantine"}).code == 0);
  CHECK(farm.scheduler.requests().size() == 5);
  CHECK(farm.program.run({"undrain", "1", "--clear-quarantine"}).out == "worker 1 w/1 is up\n");
}

TEST_CASE("workers show how far a drain has come") {
  Farm farm;
  const auto told = [](int id, const std::string& state, int taken_back, int held) {
    std::string worker = worker_json(id, fmt::format("w{}", id), slot_json("cpu0", ""), state);
    worker.insert(1, fmt::format(R"("tasks_taken_back":{},"tasks_held":{},)", taken_back, held));
    return worker;
  };
  farm.scheduler.on("GET /api/v1/workers", "{\"items\":[" + told(1, "draining", 12, 3) + "," +
                                               told(2, "drained", 7, 0) + "," + told(3, "draining", 0, 1) + "," +
                                               told(4, "up", 0, 5) + "]}");
  CHECK_THAT(farm.program.run({"workers"}).out,
             Catch::EndsWith("\ndrains\n"
                             "  w1: 12 tasks given to other workers, 3 tasks to finish here\n"
                             "  w2: 7 tasks given to other workers, 0 tasks to finish here\n"
                             "  w3: 1 task to finish here\n"));
}

TEST_CASE("a worker that was drained and a job that was cancelled say by whom and why") {
  Farm farm;
  boost::json::object worker = boost::json::parse(worker_json(2, "w2", slot_json("cpu0", ""), "drained")).as_object();
  worker["last_change"] = {{"principal", "ana"}, {"time", "2026-08-01T12:00:00.000Z"}, {"reason", "new disk"}};
  farm.scheduler.on("GET /api/v1/workers", boost::json::serialize(boost::json::object{{"items", {worker}}}));
  CHECK_THAT(farm.program.run({"workers"}).out, Catch::Contains("drained by ana: new disk"));
  boost::json::object job = boost::json::parse(job_json({})).as_object();
  job["last_change"] = {{"principal", "bo"}, {"time", "2026-08-01T12:00:00.000Z"}, {"reason", "no root"}};
  farm.scheduler.on("GET /api/v1/jobs/12", boost::json::serialize(job));
  CHECK_THAT(farm.program.run({"job", "12"}).out,
             Catch::Contains("last changed by bo at 2026-08-01T12:00:00.000Z: no root"));
}

TEST_CASE("a job that can never run says so where it is submitted and shown") {
  Farm farm;
  JobSample sample;
  sample.state = "running";
  farm.scheduler.on("GET /api/v1/jobs/12", job_json(sample));
  CHECK_THAT(farm.program.run({"job", "12"}).out, !Catch::Contains("blocked"));
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("no slot has 80 GiB", true));
  farm.scheduler.on("POST /api/v1/jobs", R"({"job":12,"version":3,"repeated":false})", 201);
  const auto file = farm.program.home.write("shot.toml", "api = \"framemill/v1\"\n");
  CHECK_THAT(farm.program.run({"submit", file.string()}).out, Catch::Contains("blocked: no slot has 80 GiB\n"));
  CHECK(farm.program.run({"submit", "-q", file.string()}).out == "12\n");
  CHECK_THAT(farm.program.run({"job", "12"}).out, Catch::Contains("blocked: no slot has 80 GiB\n"));
}

TEST_CASE("an address that is given and empty is no address") {
  Farm farm;
  CHECK(farm.program.run({"jobs", "--server", ""}).code == 2);
}

TEST_CASE("explain prints the sentence and the reasons, and never is exit code 6") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("frame 1040 waits for a slot"));
  farm.scheduler.on("GET /api/v1/jobs/12/explain?layer=a&frame=1040", explanation_json("no slot has 80 GiB", true));
  const auto waits = farm.program.run({"explain", "12"});
  CHECK(waits.code == 0);
  CHECK(waits.out ==
        "frame 1040 waits for a slot\n  slots_busy 2 slots (w1/cpu0, w2/cpu0): busy with job 11\n    wait about 4 s\n");
  CHECK(farm.program.run({"explain", "12", "--layer", "a", "--frame", "1040"}).code == 6);
}

TEST_CASE("version prints both versions and who asks") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/version",
                    R"({"version":"0.2.0","api":"framemill/v1","epoch":4,"principal":"ana","role":"artist"})");
  CHECK(farm.program.run({"version"}).out ==
        "framemill " FRAMEMILL_VERSION "\nscheduler 0.2.0 (framemill/v1), start 4; you are ana with the role artist\n");
  CHECK(farm.program.run({"version", "--client"}).out == "framemill " FRAMEMILL_VERSION "\n");
}

}  // namespace framemill::cli
