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
  Lease made = lease(counter, slot, WorkKind::Command, {0, 1});
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

TEST_CASE("conditions are told with the inventory when they come, when their pause ends and when they go") {
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

}  // namespace
}  // namespace framemill::worker
