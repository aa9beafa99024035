#include "tests/worker_core/bench.h"

namespace framemill::worker {
namespace {

using bench::attempt;
using bench::Bench;
using bench::lease;
using jobs::Outcome;

void end_with(Bench& b, std::uint64_t counter, Outcome outcome, const std::string& code) {
  EndedAttempt ended;
  ended.attempt = attempt(counter);
  ended.outcome = outcome;
  ended.code = code;
  ended.text = "execute /bin/true: Resource temporarily unavailable";
  b.happen(AttemptEnded{ended});
}

Lease command(std::uint64_t counter, SlotIndex slot = 0, const std::string& root = "main") {
  Lease made = lease(counter, slot, Runner::Program, {0, 1});
  made.root = root;
  return made;
}

TEST_CASE("a host that cannot start a program gives back what waits and takes nothing for a while") {
  Bench b;
  b.all_ready();
  b.grant(command(1));
  b.grant(command(2));
  REQUIRE(b.core.host_conditions().empty());
  end_with(b, 1, Outcome::NotAdmitted, "host.processes");
  CHECK(b.told_end(1).outcome == Outcome::NotAdmitted);
  const EndedAttempt waited = b.told_end(2);
  CHECK(waited.outcome == Outcome::NotAdmitted);
  CHECK(waited.code == "host.processes");
  REQUIRE(b.core.host_conditions().size() == 1);
  CHECK(b.core.blocking("main", b.now) != nullptr);
  b.exchange({command(3)});
  CHECK(b.count<PrepareStaging>() == 0);
  CHECK(b.told_end(3).code == "host.processes");
}

TEST_CASE("a sick host is tried again after pauses that double, and is well again when work succeeds") {
  Bench b;
  b.all_ready();
  base::Duration last{0};
  for (std::uint64_t i = 1; i <= 8; ++i) {
    b.grant(command(i));
    REQUIRE(b.count<StartChild>() == 1);
    end_with(b, i, Outcome::NotAdmitted, "host.descriptors");
    const base::Instant begun = b.now;
    while (b.core.blocking("main", b.now) != nullptr) b.pass(base::seconds(1));
    const base::Duration pause = b.now - begun;
    CHECK(pause >= last);
    CHECK(pause <= HostConditions::kPauseMax);
    last = pause;
  }
  CHECK(last == HostConditions::kPauseMax);
  CHECK(b.core.host_conditions().size() == 1);  // still said: nothing has succeeded since
  b.grant(command(20));
  b.end(20, Outcome::Ok);
  CHECK(b.core.host_conditions().empty());
}

TEST_CASE("a program that ran and failed shows that the host can start programs") {
  Bench b;
  b.all_ready();
  b.grant(command(1));
  end_with(b, 1, Outcome::NotAdmitted, "host.processes");
  b.pass(base::seconds(3));
  b.grant(command(2));
  end_with(b, 2, Outcome::Failed, "command.exit");
  CHECK(b.core.host_conditions().empty());
}

TEST_CASE("storage that fails keeps work of its own root away and no other's") {
  Bench b(2);
  b.all_ready();
  b.grant(command(1, 0, "main"));
  b.grant(command(2, 1, "other"));
  end_with(b, 1, Outcome::NotAdmitted, "storage_failed");
  CHECK(b.core.blocking("main", b.now) != nullptr);
  CHECK(b.core.blocking("other", b.now) == nullptr);
  b.exchange({command(3, 0, "main"), command(4, 0, "other")});
  CHECK(b.count<PrepareStaging>() == 1);
  CHECK(b.told_end(3).code == "storage_failed");
  b.end(2, Outcome::Ok);  // of the other root: says nothing of this one
  CHECK(b.core.blocking("main", b.now) != nullptr);
}

TEST_CASE("a staging directory that cannot be made is the host's condition, too") {
  Bench b;
  b.all_ready();
  b.exchange({command(1)});
  b.happen(StagingPrepared{attempt(1), Outcome::NotAdmitted, "storage_failed", "Input/output error"});
  CHECK(b.told_end(1).outcome == Outcome::NotAdmitted);
  CHECK(b.core.blocking("main", b.now) != nullptr);
}

TEST_CASE("conditions are reported with the inventory when they come, when their pause ends and when they go") {
  Bench b;
  b.all_ready();
  b.grant(command(1));
  REQUIRE_FALSE(b.report().with_inventory);
  end_with(b, 1, Outcome::NotAdmitted, "host.memory");
  CHECK(b.report().with_inventory);
  CHECK(b.core.next_deadline() <= b.now + HostConditions::kPauseFirst);
  b.pass(HostConditions::kPauseFirst);
  CHECK(b.report().with_inventory);
  b.pass(HostConditions::kForgetAfter);
  CHECK(b.core.host_conditions().empty());
  CHECK(b.report().with_inventory);
}

void naming_fails(Bench& b, TaskIndex task, const std::string& code, const std::string& root = "main") {
  const PublishDuty duty{attempt(99), {JobId(1), 0}, {task, 1}};
  ReplyReceived reply;
  reply.publishes = {duty};
  b.happen(reply);
  b.happen(DutyFailed{duty, code, "rename to shot/a.exr: Input/output error", root});
}

void naming_works(Bench& b, TaskIndex task, const std::string& root = "main") {
  const PublishDuty duty{attempt(99), {JobId(1), 0}, {task, 1}};
  ReplyReceived reply;
  reply.publishes = {duty};
  b.happen(reply);
  b.happen(DutyPublished{duty, root});
}

TEST_CASE("a root in which files do not get their names takes no new work here, and is tried again after pauses") {
  Bench b;
  b.all_ready();
  naming_fails(b, 0, "storage_failed");
  naming_fails(b, 1, "storage_failed");
  CHECK(b.core.blocking("main", b.now) == nullptr);  // one directory of one job may be closed to the worker
  naming_fails(b, 2, "storage_failed");
  REQUIRE(b.core.host_conditions().size() == 1);
  CHECK(b.core.host_conditions()[0].root == "main");
  CHECK(b.core.blocking("main", b.now) != nullptr);
  CHECK(b.core.blocking("other", b.now) == nullptr);
  CHECK(b.report().with_inventory);
  b.exchange({command(3), command(4, 0, "other")});
  CHECK(b.told_end(3).outcome == Outcome::NotAdmitted);
  CHECK(b.count<PrepareStaging>() == 1);
  // Work that still succeeds in its staging directory says nothing about names.
  b.happen(StagingPrepared{attempt(4), {}, "", ""});
  b.end(4, Outcome::Ok);
  CHECK(b.core.blocking("main", b.now) != nullptr);
  base::Duration last{0};
  for (TaskIndex task = 3; task < 10; ++task) {
    const base::Instant begun = b.now;
    while (b.core.blocking("main", b.now) != nullptr) b.pass(base::seconds(1));
    CHECK(b.now - begun >= last);
    last = b.now - begun;
    naming_fails(b, task, "storage_full");
    CHECK(b.core.blocking("main", b.now) != nullptr);
  }
  CHECK(last == HostConditions::kPauseMax);
  naming_works(b, 20);
  CHECK(b.core.blocking("main", b.now) == nullptr);
  CHECK(b.core.host_conditions().empty());
}

TEST_CASE("one job whose files cannot be named closes the root to nobody while others' can") {
  Bench b;
  b.all_ready();
  for (TaskIndex task = 0; task < 20; task += 2) {
    naming_fails(b, task, "storage_failed");
    naming_works(b, task + 1);
    CHECK(b.core.host_conditions().empty());
  }
  for (TaskIndex task = 30; task < 40; ++task) naming_fails(b, task, "publish.exists_other");
  CHECK(b.core.host_conditions().empty());  // that is about the file
}

TEST_CASE("what waits for a root in which files do not get their names is given back") {
  Bench b;
  b.all_ready();
  b.grant(command(1));
  b.grant(command(2));
  for (TaskIndex task = 0; task < 3; ++task) naming_fails(b, task, "storage_failed");
  CHECK(b.told_end(2).code == "storage_failed");
  CHECK(b.core.holds(attempt(1)));  // it runs, and may have been the last one that the disk had room for
}

TEST_CASE("inputs that cannot be read are reported for their own root and keep no work from the root of the outputs") {
  Bench b(2);
  b.all_ready();
  b.grant(command(1));
  EndedAttempt ended;
  ended.attempt = attempt(1);
  ended.outcome = Outcome::NotAdmitted;
  ended.code = "storage_failed";
  ended.text = "read plates:p.1001.exr: Input/output error";
  ended.storage_root = "plates";
  b.happen(AttemptEnded{ended});
  REQUIRE(b.core.host_conditions().size() == 1);
  CHECK(b.core.host_conditions()[0].root == "plates");
  CHECK(b.core.blocking("main", b.now) == nullptr);
  b.grant(command(2));
  CHECK(b.count<StartChild>() == 1);
}

TEST_CASE("a program that is stopped for its time may deliver what it has finished, and is reported as timed out") {
  Bench b;
  b.all_ready();
  Lease limited = command(1);
  limited.tasks = {0, 4};
  limited.timeout = base::seconds(5);
  b.grant(limited);
  b.pass(base::seconds(5));
  REQUIRE(b.count<StopChild>() == 1);
  CHECK(b.got<StopChild>()[0].keep_finished);
  b.finish_task(1, 0);
  end_with(b, 1, Outcome::Failed, "command.stopped");
  CHECK(b.told_end(1).outcome == Outcome::Timeout);
  b.grant(command(2));
  b.revoke(2, jobs::RevokeReason::Cancelled);
  REQUIRE(b.count<StopChild>() == 1);
  CHECK_FALSE(b.got<StopChild>()[0].keep_finished);
}

TEST_CASE("each report shows which attempts have moved since the one before") {
  Bench b;
  b.all_ready();
  b.grant(command(1));
  const auto moves = [&](std::uint64_t counter) {
    for (const RunningLease& running : b.report().running)
      if (running.attempt == attempt(counter)) return running.moves;
    return std::uint64_t{0};
  };
  const std::uint64_t first = moves(1);
  CHECK(first > 0);
  CHECK(moves(1) == first);  // being named is no progress
  b.happen(AttemptMoved{attempt(1)});
  const std::uint64_t second = moves(1);
  CHECK(second != first);
  b.happen(AttemptOutput{attempt(1), "frame 1"});
  CHECK(moves(1) != second);
  b.grant(command(2));  // behind the first, in its slot
  const std::uint64_t waiting = moves(2);
  CHECK(moves(2) != waiting);
}

}  // namespace
}  // namespace framemill::worker
