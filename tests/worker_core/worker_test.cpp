#include "worker/core/worker.h"

#include "tests/worker_core/bench.h"

namespace framemill::worker {
namespace {

using bench::attempt;
using bench::Bench;
using bench::exited;
using bench::lease;
using bench::signalled;
using jobs::Outcome;

TEST_CASE("an executor is started for every slot at once, and a slot is usable when its executor is ready") {
  Bench b(2);
  CHECK(b.count<StartExecutor>() == 2);
  CHECK_FALSE(b.core.slots()[0].usable());
  b.happen(ExecutorReady{0, "cpu avx2"});
  CHECK(b.core.slots()[0].usable());
  CHECK_FALSE(b.core.slots()[1].usable());
  CHECK(b.report().with_inventory);
}

TEST_CASE("a grant gets its staging directory first and starts when that is there and the executor is ready") {
  Bench b;
  b.exchange({lease(1)});
  CHECK(b.count<PrepareStaging>() == 1);
  b.happen(StagingPrepared{attempt(1), {}, "", ""});
  CHECK(b.count<StartInExecutor>() == 0);
  b.all_ready();
  REQUIRE(b.count<StartInExecutor>() == 1);
  CHECK(b.got<StartInExecutor>()[0].tasks == TaskRange{0, 4});
}

TEST_CASE("a slot runs many generate leases at once") {
  Bench b;
  b.all_ready();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    b.grant(lease(i));
    CHECK(b.count<StartInExecutor>() == 1);
  }
  CHECK(b.report().running.size() == 5);
}

TEST_CASE("a command has its slot to itself, and later leases do not overtake it for ever") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2, 0, Runner::Program));
  CHECK(b.count<StartChild>() == 0);
  b.grant(lease(3));
  CHECK(b.count<StartInExecutor>() == 0);
  b.end(1, Outcome::Ok);
  CHECK(b.count<StartChild>() == 1);
  CHECK(b.count<StartInExecutor>() == 0);
  b.end(2, Outcome::Ok);
  CHECK(b.count<StartInExecutor>() == 1);
}

TEST_CASE("a repeated grant changes nothing, also after its attempt has ended") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.exchange({lease(1)});
  CHECK(b.effects.empty());
  b.end(1, Outcome::Ok);
  b.exchange({lease(1)});
  CHECK(b.count<PrepareStaging>() == 0);
}

TEST_CASE("what a worker cannot take is given back uncharged with a reason") {
  Bench b;
  b.exchange({lease(1, 7)});
  CHECK(b.told_end(1).code == "worker.no_such_slot");
  b.exchange({lease(2, 0, Runner::Executor, {0, 5000})});
  CHECK(b.told_end(2).code == "worker.lease_too_large");
  b.exchange({lease(3)});
  b.happen(StagingPrepared{attempt(3), Outcome::StorageFull, "storage_full", "no room"});
  CHECK(b.told_end(3).outcome == Outcome::StorageFull);
  b.pass(base::seconds(5));  // the root is tried again
  std::vector<Lease> many;
  for (std::uint64_t i = 100; i < 165; ++i) many.push_back(lease(i));
  b.exchange(many);
  CHECK(b.core.lease_count() == Worker::kLeasesPerSlotMax);
  CHECK(b.told_end(164).outcome == Outcome::NotAdmitted);
}

// --- leases ----------------------------------------------------------------------------------------------------------

TEST_CASE("a lease counts from when the acknowledged report was sent, not from when the answer came") {
  Bench b;
  b.report();
  b.now = b.now + base::seconds(40);  // the answer dawdles
  ReplyReceived reply;
  reply.acked_report = b.last_report.sequence;
  reply.grants = {lease(1)};
  b.happen(reply);
  b.happen(StagingPrepared{attempt(1), {}, "", ""});
  b.now = b.now + base::seconds(49);  // 89 s after the report: 1 s before the margin
  b.all_ready();
  CHECK(b.count<StartInExecutor>() == 1);
}

TEST_CASE("inside the lease margin nothing new starts until the lease is proven again") {
  Bench b;
  b.grant(lease(1));
  b.now = b.now + base::seconds(91);
  b.all_ready();
  CHECK(b.count<StartInExecutor>() == 0);
  b.exchange();
  CHECK(b.count<StartInExecutor>() == 1);
}

TEST_CASE("a report that was sent before the grant came does not prove its lease") {
  Bench b;
  b.all_ready();
  b.grant(lease(1, 0, Runner::Program));
  b.now = b.now + base::seconds(60);
  ReplyReceived stale;  // the same acknowledgement once more
  stale.acked_report = b.last_report.sequence;
  stale.lease_proof = true;
  b.happen(stale);
  b.pass(base::seconds(30));
  CHECK(b.count<StopChild>() == 1);
}

TEST_CASE("an unproven lease stops a command in the margin and lets generation run on and deliver") {
  Bench b(2);
  b.all_ready();
  b.grant(lease(1, 0));
  b.grant(lease(2, 1, Runner::Program));
  CHECK(b.core.next_deadline() == b.now + base::seconds(90));
  b.pass(base::seconds(90));
  REQUIRE(b.count<StopChild>() == 1);
  CHECK(b.got<StopChild>()[0].attempt == attempt(2));
  CHECK(b.count<CancelInExecutor>() == 0);
  b.end(2, Outcome::Revoked);
  CHECK(b.told_end(2).code == "lease.unproven");
  b.pass(base::seconds(900));
  b.finish_task(1, 0);
  b.end(1, Outcome::Ok);
  CHECK(b.told_end(1).outcome == Outcome::Ok);
}

// --- revokes ---------------------------------------------------------------------------------------------------------

TEST_CASE("a revoked attempt is cancelled in its executor and reported as revoked with what was measured") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.revoke(1, jobs::RevokeReason::Cancelled);
  REQUIRE(b.count<CancelInExecutor>() == 1);
  CHECK(b.got<CancelInExecutor>()[0].keep.empty());
  EndedAttempt ended;
  ended.attempt = attempt(1);
  ended.outcome = Outcome::Revoked;
  ended.usage.compute_us = 700;
  b.happen(AttemptEnded{ended});
  const EndedAttempt told = b.told_end(1);
  CHECK(told.code == "revoked.cancelled");
  CHECK(told.usage == ended.usage);
}

TEST_CASE("a tail that is taken back leaves the head running") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 2});
  REQUIRE(b.count<CancelInExecutor>() == 1);
  CHECK(b.got<CancelInExecutor>()[0].keep == TaskRange{0, 2});
  CHECK(b.report().running[0].tasks == TaskRange{0, 2});
  b.finish_task(1, 3);  // was in flight when it was taken back
  CHECK(b.report().items.empty());
  REQUIRE(b.count<DropTask>() == 1);
  CHECK(b.got<DropTask>()[0].task == 3);
  b.finish_task(1, 1);
  CHECK(b.report().items.size() == 1);
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 9});
  CHECK(b.effects.empty());  // more than it holds: nonsense
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 2});
  CHECK(b.effects.empty());  // said again: it has been done
}

TEST_CASE("a tail that was finished before the word came is dropped: others make it") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.finish_task(1, 0);
  b.finish_task(1, 2);
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 2});
  REQUIRE(b.count<DropTask>() == 1);
  CHECK(b.got<DropTask>()[0].attempt == attempt(1));
  CHECK(b.got<DropTask>()[0].task == 2);
}

TEST_CASE("a lease that waits for its turn starts with what was left to it") {
  Bench b;
  b.grant(lease(1));  // no executor is ready
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 2});
  CHECK(b.effects.empty());
  b.all_ready();
  REQUIRE(b.count<StartInExecutor>() == 1);
  CHECK(b.got<StartInExecutor>()[0].tasks == TaskRange{0, 2});
}

TEST_CASE("a lease that is taken back whole before it starts ends uncharged, with nothing to cancel") {
  Bench b;
  b.grant(lease(1));
  b.revoke(1, jobs::RevokeReason::TakenBack);
  CHECK(b.count<CancelInExecutor>() == 0);
  CHECK(b.core.lease_count() == 0);
  const EndedAttempt told = b.told_end(1);
  CHECK(told.outcome == Outcome::Revoked);
  CHECK(told.code == "revoked.taken_back");
}

TEST_CASE("a program that is running continues when its tail is taken back, and what it makes of that is dropped") {
  Bench b;
  b.all_ready();
  b.grant(lease(1, 0, Runner::Program));
  REQUIRE(b.count<StartChild>() == 1);
  b.revoke(1, jobs::RevokeReason::TakenBack, {0, 2});
  CHECK(b.effects.empty());
  CHECK(b.report().running[0].tasks == TaskRange{0, 2});
  b.finish_task(1, 1);
  b.finish_task(1, 3);
  CHECK(b.count<DropTask>() == 1);
  CHECK(b.report().items.size() == 1);
}

TEST_CASE("an attempt that the scheduler does not know is swept whole") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.revoke(1, jobs::RevokeReason::Unknown);
  CHECK(b.count<SweepStaging>() == 0);  // its executor may still write
  b.end(1, Outcome::Revoked);
  CHECK(b.count<SweepStaging>() == 1);
  b.revoke(9, jobs::RevokeReason::Unknown);
  CHECK(b.count<SweepStaging>() == 1);
}

TEST_CASE("what a sweep found of ended attempts is reported once, and never of one that is held") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.happen(StagingLeft{{attempt(1), {JobId(1), 0}, {0}}});
  b.happen(StagingLeft{{attempt(5), {JobId(1), 0}, {2, 3}}});
  b.happen(StagingLeft{{attempt(5), {JobId(1), 0}, {3}}});
  const Report report = b.report();
  REQUIRE(report.staged.size() == 1);
  CHECK(report.staged[0].attempt == attempt(5));
  CHECK(report.staged[0].tasks == std::vector<TaskIndex>{3});
  CHECK(b.report().staged.empty());
}

TEST_CASE("one report tells of at most 4,096 staged tasks, the next ones of the rest") {
  Bench b;
  std::vector<TaskIndex> tasks(3000);
  for (std::uint64_t counter = 1; counter <= 3; ++counter)
    b.happen(StagingLeft{{attempt(counter), {JobId(1), 0}, tasks}});
  std::size_t told = 0, reports = 0;
  for (; reports < 10; ++reports) {
    const Report report = b.report();
    if (report.staged.empty()) break;
    std::size_t in_this = 0;
    for (const StagedAttempt& staged : report.staged) in_this += staged.tasks.size();
    CHECK(in_this <= 4096);
    told += report.staged.size();
  }
  CHECK(told == 3);
  CHECK(reports == 3);
}

TEST_CASE("an executor that does not give up a cancelled attempt is killed, and the others aboard are not accused") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2));
  b.revoke(1, jobs::RevokeReason::Cancelled);
  b.pass(base::seconds(60));
  REQUIRE(b.count<KillExecutor>() == 1);
  Death death = signalled(9);
  death.killed = KilledBecause::CancelIgnored;
  b.die(0, death);
  b.report();
  REQUIRE(b.last_report.items.size() == 2);
  CHECK(std::get<EndedAttempt>(b.last_report.items[0]).outcome == Outcome::Revoked);
  CHECK(std::get<EndedAttempt>(b.last_report.items[1]).outcome == Outcome::ExecutorCrashed);
  CHECK_FALSE(std::get<EndedAttempt>(b.last_report.items[1]).alone);
}

TEST_CASE("an attempt beyond its timeout is stopped and reported as a timeout") {
  Bench b;
  b.all_ready();
  Lease limited = lease(1);
  limited.timeout = base::seconds(30);
  b.grant(limited);
  b.pass(base::seconds(29));
  CHECK(b.count<CancelInExecutor>() == 0);
  b.pass(base::seconds(1));
  CHECK(b.count<CancelInExecutor>() == 1);
  b.end(1, Outcome::Revoked);
  CHECK(b.told_end(1).outcome == Outcome::Timeout);
}

// --- deaths ----------------------------------------------------------------------------------------------------------

TEST_CASE("a death while alone names the task at work, and a death in company accuses nobody") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.happen(AttemptProgressed{attempt(1), {2, 5, 20, 1, 0, "", {}}});
  b.die(0, signalled(11));
  EndedAttempt told = b.told_end(1);
  CHECK(told.outcome == Outcome::ExecutorCrashed);
  CHECK(told.alone);
  CHECK(told.failed_tasks == std::vector<TaskIndex>{2});
  CHECK(told.output_tail == "last words");
  b.all_ready();
  b.grant(lease(2));
  b.grant(lease(3));
  b.die(0, signalled(11));
  CHECK_FALSE(b.told_end(3).alone);
}

TEST_CASE("a death before the first step accuses no task: a sign of life without a step names none") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.happen(AttemptProgressed{attempt(1), {2, 0, 20, 1, 0, "loading", {}}});
  b.die(0, signalled(11));
  CHECK(b.told_end(1).failed_tasks.empty());
}

TEST_CASE("a task that was finished and delivered is not to blame for a death before the next one began") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.happen(AttemptProgressed{attempt(1), {0, 20, 20, 1, 0, "", {}}});
  b.finish_task(1, 0);
  b.die(0, signalled(11));
  CHECK(b.told_end(1).failed_tasks.empty());
}

TEST_CASE("a dead executor is started again at once, then with growing pauses until a task is finished") {
  Bench b;
  b.all_ready();
  b.die(0, signalled(11));
  CHECK(b.count<StartExecutor>() == 1);
  b.all_ready();
  b.die(0, signalled(11));
  CHECK(b.count<StartExecutor>() == 0);
  b.pass(base::seconds(1));
  CHECK(b.count<StartExecutor>() == 1);
  b.all_ready();
  b.die(0, signalled(11));
  b.pass(base::seconds(1));
  CHECK(b.count<StartExecutor>() == 0);
  b.pass(base::seconds(1));
  CHECK(b.count<StartExecutor>() == 1);
  b.all_ready();
  b.grant(lease(1));
  b.finish_task(1, 0);
  b.die(0, signalled(11));
  CHECK(b.count<StartExecutor>() == 1);
}

TEST_CASE("a slot whose executor cannot start is unusable and gives waiting leases back") {
  Bench b;
  b.grant(lease(1));
  Death death = exited(78);
  death.started = false;
  b.die(0, death);
  CHECK_FALSE(b.core.slots()[0].usable());
  CHECK(b.told_end(1).outcome == Outcome::NotAdmitted);
  CHECK(b.count<StartExecutor>() == 0);
  b.pass(base::seconds(1));
  CHECK(b.count<StartExecutor>() == 1);
  b.all_ready();
  CHECK(b.core.slots()[0].usable());
}

TEST_CASE("the death of one slot's executor leaves the other slot alone") {
  Bench b(2);
  b.all_ready();
  b.grant(lease(1, 0));
  b.grant(lease(2, 1));
  b.die(0, signalled(9));
  const Report report = b.report();
  REQUIRE(report.running.size() == 1);
  CHECK(report.running[0].attempt == attempt(2));
}

// --- drain -----------------------------------------------------------------------------------------------------------

TEST_CASE("the first stop lets windows in flight finish and gives back what has not started") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.exchange({lease(2)});  // its directory is not there yet
  b.happen(StopRequested{});
  CHECK(b.count<FinishExecutor>() == 1);
  CHECK(b.count<KillExecutor>() == 0);
  CHECK(b.told_end(2).code == "worker.draining");
  CHECK(b.last_report.draining);
  b.exchange({lease(3)});
  CHECK(b.told_end(3).outcome == Outcome::Revoked);
  b.finish_task(1, 0);
  b.die(0, exited(0));
  CHECK(b.told_end(1).outcome == Outcome::Revoked);
  CHECK(b.told_end(1).code == "worker.draining");
  CHECK(b.count<Exit>() == 0);  // not before the scheduler has heard it
  b.exchange();
  CHECK(b.count<Exit>() == 1);
}

TEST_CASE("windows in flight get the drain's time and no more") {
  Bench b(2, base::seconds(20));
  b.all_ready();
  b.grant(lease(1, 0));
  b.grant(lease(2, 1, Runner::Program));
  b.happen(StopRequested{});
  CHECK(b.count<StopChild>() == 0);
  b.pass(base::seconds(20));
  CHECK(b.count<KillExecutor>() == 2);
  CHECK(b.count<StopChild>() == 1);
  Death death = signalled(9);
  death.killed = KilledBecause::Drained;
  b.die(0, death);
  b.die(1, death);
  b.end(2, Outcome::Revoked);
  CHECK(b.told_end(1).code == "drain.timeout");
  CHECK(b.told_end(2).outcome == Outcome::Revoked);
  b.pass(base::seconds(5));  // nobody answers: the farewell is bounded
  CHECK(b.count<Exit>() == 1);
}

TEST_CASE("a second stop stops now") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.happen(StopRequested{});
  b.happen(StopRequested{});
  REQUIRE(b.count<KillExecutor>() == 1);
  CHECK(b.got<KillExecutor>()[0].because == KilledBecause::Stopped);
  Death death = signalled(9);
  death.killed = KilledBecause::Stopped;
  b.die(0, death);
  CHECK(b.told_end(1).code == "worker.stopped");
  b.exchange();
  CHECK(b.count<Exit>() == 1);
}

TEST_CASE("no executor is started while the worker drains") {
  Bench b;
  b.happen(StopRequested{});
  CHECK(b.got<KillExecutor>().size() == 1);
  Death death = signalled(9);
  death.started = false;
  b.die(0, death);
  CHECK(b.count<StartExecutor>() == 0);
  CHECK(b.count<Exit>() == 1);
}

}  // namespace
}  // namespace framemill::worker
