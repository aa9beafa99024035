#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

std::string finished_job(const std::string& state) {
  JobSample job;
  job.state = state;
  job.published = 192;
  job.tasks = counts_json(0, 0, 0, 28);
  job.finished = "\"2026-11-22T09:01:36.000Z\"";
  job.layers = layer_json("boards", "generate", state, 192, 192, 1, 6);
  return job_json(job);
}

void serve_running_then(FakeScheduler& scheduler, const std::string& last) {
  JobSample job;
  job.layers = layer_json("boards", "generate", "running", 48, 192, 1, 6);
  scheduler.on("GET /api/v1/jobs/12", job_json(job));
  scheduler.on("GET /api/v1/jobs/12", last);
  scheduler.on("GET /api/v1/workers",
               "{\"items\":[" + worker_json(1, "w1", slot_json("cpu0", lease_json("boards", 3, 0, 14))) + "]}");
  scheduler.on("GET /api/v1/jobs/12/explain", explanation_json("boards t4 waits for a slot"));
}

}  // namespace

TEST_CASE("off a terminal follow prints plain lines and the outcome") {
  FakeScheduler scheduler;
  serve_running_then(scheduler, finished_job("done"));
  Program program(scheduler.url());
  const auto done = program.run({"follow", "12"});
  CHECK(done.code == 0);
  CHECK(done.out.find("] job 12 running: 48/192 frames, boards 48/192, 1 slot busy, measuring; boards t4 "
                      "waits for a slot\n") != std::string::npos);
  CHECK(
      done.out.ends_with("[1:36] job 12 done: 192/192 frames\n"
                         "job 12 is done: 192 of 192 frames in 1:36, 2.0 frames/s, 2 model loads, 1 failed try\n"));
  CHECK(done.out.find('\x1b') == std::string::npos);
}

TEST_CASE("on a terminal follow redraws in place and gives the cursor back") {
  FakeScheduler scheduler;
  serve_running_then(scheduler, finished_job("failed"));
  Program program(scheduler.url());
  program.terminal.interactive = program.terminal.utf8 = true;
  const auto done = program.run({"follow", "12"});
  CHECK(done.code == 3);
  CHECK(done.out.starts_with("\x1b[?25l"));
  CHECK(done.out.find("w1/cpu0  demo-clips@1 warm  boards variant 3  step 14/20  batch 4\x1b[K\n") !=
        std::string::npos);
  CHECK(done.out.find("\x1b[4A\r") != std::string::npos);  // back over the four lines of the first drawing
  CHECK(done.out.find("\x1b[?25h") != std::string::npos);
}

TEST_CASE("an interrupted follow leaves the job running and says so") {
  FakeScheduler scheduler;
  serve_running_then(scheduler, job_json({}));
  Program program(scheduler.url());
  int asked = 0;
  program.keep_going = [&] { return ++asked < 12; };
  const auto done = program.run({"follow", "12"});
  CHECK(done.code == 130);
  CHECK(done.err == "job 12 keeps running; framemill follow 12 shows it again, framemill cancel 12 stops it\n");
  for (const net::HttpRequest& request : scheduler.requests()) CHECK(request.method == "GET");
}

TEST_CASE("follow lives through answers of a server that is just restarting") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs/12", R"({"code":"http.starting","message":"starting","field":"","hint":""})", 503);
  scheduler.on("GET /api/v1/jobs/12", finished_job("done"));
  scheduler.on("GET /api/v1/workers", "{\"items\":[]}");
  Program program(scheduler.url());
  CHECK(program.run({"follow", "12"}).code == 0);
}

TEST_CASE("follow gives up when its patience is over") {
  Program program("http://127.0.0.1:9");
  const auto done = program.run({"follow", "12", "--patience", "1s"});
  CHECK(done.code == 1);
}

TEST_CASE("follow last waits for a scheduler that is just restarting, and then finds the newest job") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs?mine=true&limit=1", R"({"code":"http.starting","message":"m","field":"","hint":""})",
               503);
  scheduler.on("GET /api/v1/jobs?mine=true&limit=1", R"({"items":[{"id":12}],"next":null})");
  scheduler.on("GET /api/v1/jobs/12", finished_job("done"));
  scheduler.on("GET /api/v1/workers", "{\"items\":[]}");
  Program program(scheduler.url());
  CHECK(program.run({"follow", "last"}).code == 0);
}

TEST_CASE("what waiting cannot cure ends a wait for the newest job at once") {
  FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs?mine=true&limit=1", R"({"code":"auth.expired","message":"m","field":"","hint":""})",
               401);
  Program program(scheduler.url());
  CHECK(program.run({"follow", "last", "--patience", "2s"}).err.find("auth.expired") != std::string::npos);
  CHECK(scheduler.requests().size() == 1);
}

TEST_CASE("logs -f prints every byte once, also past the middle that a long output leaves out") {
  FakeScheduler scheduler;
  const auto logs = [](const std::string& tail, const std::string& outcome = "null") {
    return R"({"items":[{"attempt":"a1","layer":"comp","phase":"command","variant":0,"tasks":{"first":0,"count":1},)"
           R"("frames":"7","worker":"w1","slot":"cpu0","ended":null,"outcome":)" +
           outcome + R"(,"code":"","message":"","output_tail":")" + tail + "\"}],\"next\":null}";
  };
  const std::string head = "render 7\\n", middle = std::string(300, 'm') + "\\n", end = std::string(300, 'e') + "\\n";
  scheduler.on("GET /api/v1/jobs/12", job_json({}));
  scheduler.on("GET /api/v1/jobs/12", job_json({}));
  scheduler.on("GET /api/v1/jobs/12", job_json({}));
  scheduler.on("GET /api/v1/jobs/12", finished_job("done"));
  const std::string call = "GET /api/v1/jobs/12/logs?limit=10";
  scheduler.on(call, logs(head));
  scheduler.on(call, logs(head + middle));
  scheduler.on(call, logs("ren\\n[... 99 bytes left out ...]\\n" + middle + end));
  scheduler.on(call, logs("ren\\n[... 99 bytes left out ...]\\n" + middle + end + "done", "\"ok\""));
  Program program(scheduler.url());
  const auto done = program.run({"logs", "12", "-f"});
  CHECK(done.code == 0);
  CHECK(done.out == "comp, frame 7, on w1/cpu0, attempt a1: running\nrender 7\n" + std::string(300, 'm') + "\n" +
                        std::string(300, 'e') + "\ndone\n");
}

}  // namespace framemill::cli
