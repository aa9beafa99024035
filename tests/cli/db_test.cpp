#include <boost/json.hpp>

#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"

namespace framemill::cli {
namespace {

using namespace testing;

constexpr const char* kCopy =
    R"({"file":"/srv/backups/jobs-1.db","size_bytes":1048576,"durable_sequence":41,"batches_checked":40,)"
    R"("commits_checked":400,"time":"2026-12-01T03:15:00.000Z"})";

}  // namespace

TEST_CASE("a backup prints where it is and how much of it was checked") {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
  scheduler.on("POST /api/v1/store/backup", kCopy);
  const auto done = program.run({"db", "backup"});
  CHECK(done.code == 0);
  CHECK(done.out ==
        "the store is intact up to batch 41: 40 batches and 400 commits checked\n"
        "/srv/backups/jobs-1.db on the scheduler's host, 1.0 MiB\n");
  const auto as_json = program.run({"db", "backup", "--json"});
  CHECK(boost::json::parse(as_json.out) == boost::json::parse(kCopy));
}

TEST_CASE("a damaged store ends verify and status with status 1") {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
  scheduler.on("POST /api/v1/store/verify",
               R"({"code":"store.corrupt","message":"the store is damaged: batch 7","field":"","hint":"restore"})",
               500);
  const auto verified = program.run({"db", "verify"});
  CHECK(verified.code == 1);
  CHECK(verified.err.find("the store is damaged: batch 7 [store.corrupt]") != std::string::npos);
  const std::string figures =
      R"("durable_sequence":41,"transactions":30,"batches":40,"records":500,"last_commit_us":350,"wal_bytes":8192,)"
      R"("batches_queued":0,"disk_full":false,"last_copy":null)";
  scheduler.on("GET /api/v1/store", "{" + figures + R"(,"damage":null})");
  scheduler.on("GET /api/v1/store", "{" + figures + R"(,"damage":"the store is damaged: batch 7"})");
  CHECK(program.run({"db", "status"}).code == 0);
  const auto shown = program.run({"db", "status"});
  CHECK(shown.code == 1);
  CHECK(shown.out.find("batch 41, 30 transactions since the scheduler's start, the last took 0.3 ms") == 0);
  CHECK(shown.out.find("the store is damaged: batch 7\n") != std::string::npos);
}

}  // namespace framemill::cli
