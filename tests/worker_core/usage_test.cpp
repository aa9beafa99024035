// Device time of attempts that end badly: what they used is on record however they ended.
#include "tests/worker_core/bench.h"

namespace framemill::worker {
namespace {

using namespace bench;
using jobs::Outcome;

// The executor says that the attempt is at a step, and what it has used.
void progress(Bench& b, std::uint64_t counter, TaskIndex task, std::uint64_t compute_us, std::uint64_t load_us = 0) {
  Progress progress;
  progress.task = task;
  progress.step = 3;
  progress.used.compute_us = compute_us;
  progress.used.load_us = load_us;
  progress.used.steps = 3;
  progress.used.device_class = "cpu test";
  b.happen(AttemptProgressed{attempt(counter), progress});
}
void finish(Bench& b, std::uint64_t counter, TaskIndex task, std::uint64_t duration_us) {
  b.happen(TaskFinished{{attempt(counter), {JobId(1), 0}, task, 1, duration_us, "bytes"}});
}

TEST_CASE("an executor that dies leaves on record what its attempt had used, and the time after its last word") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  progress(b, 1, 0, 2'000'000, 500'000);
  finish(b, 1, 0, 1'500'000);
  b.now = b.now + base::milliseconds(400);
  progress(b, 1, 1, 2'300'000, 500'000);
  b.now = b.now + base::milliseconds(90);
  b.die(0, signalled(9));
  const Usage used = b.told_end(1).usage;
  CHECK(used.load_us == 500'000);
  CHECK(used.compute_us == 1'500'000);      // of the finished window
  CHECK(used.lost_us == 800'000 + 90'000);  // of the unfinished one, and until the death
  CHECK(used.wall_us == 490'000);
  CHECK(used.steps == 3);
  CHECK(used.device_class == "cpu test");
}

TEST_CASE("an executor that hangs without a word has lost the time until it was killed") {
  Bench b;
  b.all_ready();
  b.now = b.now + base::seconds(3600);  // idle: nobody's time
  b.grant(lease(1));
  b.now = b.now + base::seconds(60);
  Death hung;
  hung.killed = KilledBecause::Hung;
  hung.signal = 9;
  b.die(0, hung);
  CHECK(b.told_end(1).usage.lost_us == 60'000'000);
  CHECK(b.told_end(1).usage.device_class == "cpu test");
}

TEST_CASE("attempts that die together share the time after the last word, so that no more is counted than has passed") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2));
  progress(b, 1, 0, 100'000);
  progress(b, 2, 0, 100'000);
  b.now = b.now + base::seconds(2);
  b.die(0, signalled(11));
  CHECK(b.told_end(1).usage.lost_us == 1'100'000);
  CHECK(b.told_end(2).usage.lost_us == 1'100'000);
}

TEST_CASE("windows that a drain or a second stop cuts off are on record as lost time") {
  for (const bool asked_twice : {true, false}) {
    Bench b(1, base::seconds(5));
    b.all_ready();
    b.grant(lease(1));
    progress(b, 1, 0, 40'000);
    b.happen(StopRequested{});
    if (asked_twice)
      b.happen(StopRequested{});
    else
      b.pass(base::seconds(5));
    REQUIRE(b.count<KillExecutor>() == 1);
    Death death = signalled(9);
    death.killed = b.got<KillExecutor>()[0].because;
    b.die(0, death);
    const EndedAttempt told = b.told_end(1);
    CHECK(told.outcome == Outcome::Revoked);
    CHECK(told.usage.compute_us == 0);
    CHECK(told.usage.lost_us == (asked_twice ? 40'000 : 5'040'000));
  }
}

TEST_CASE("every report says what running attempts would have on record if their worker vanished now") {
  Bench b(2);
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2, 1, Runner::Program));
  progress(b, 1, 0, 900'000);
  finish(b, 1, 0, 600'000);
  b.now = b.now + base::seconds(2);
  const Report report = b.report();
  REQUIRE(report.running.size() == 2);
  CHECK(report.running[0].used.compute_us == 600'000);
  CHECK(report.running[0].used.lost_us == 300'000);
  CHECK(report.running[1].used.lost_us == 2'000'000);  // a command has its slot to itself
}

TEST_CASE("a running lease is warm when its slot's executor has the lease's own model in memory") {
  Bench b;
  b.all_ready();
  Lease generate = lease(1);
  generate.model.bytes[0] = 7;
  b.grant(generate);
  const auto warm = [&b] { return b.report().running.front().model_warm; };
  CHECK_FALSE(warm());
  base::Sha256 other;
  other.bytes[0] = 8;
  b.happen(ExecutorAlive{0, {other}});
  CHECK_FALSE(warm());
  b.happen(ExecutorAlive{0, {generate.model, other}});
  CHECK(warm());  // also before its first step, and while it decodes
  b.die(0, signalled(9));
  b.now = b.now + base::seconds(1);
  for (const RunningLease& running : b.report().running) CHECK_FALSE(running.model_warm);
}

TEST_CASE("an attempt that never started has used nothing") {
  Bench b;
  b.grant(lease(1));
  b.now = b.now + base::seconds(9);
  b.revoke(1, jobs::RevokeReason::Cancelled);
  CHECK(b.told_end(1).usage == Usage{});
}

}  // namespace
}  // namespace framemill::worker
