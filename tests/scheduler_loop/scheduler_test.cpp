#include "scheduler/loop/scheduler.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/link/report.h"
#include "tests/scheduler_loop/loop_fixture.h"

namespace framemill::scheduler {
namespace {

using test::LoopFixture;

TEST_CASE("while the disk stalls only grants leave, and afterwards all the rest does, in order") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  REQUIRE(farm.workers.acknowledged("w1") == 1);
  const std::size_t events = farm.batches.size();

  farm.journal->stalled = true;
  farm.submit();
  farm.hear(farm.report());
  farm.loop.run_for(base::seconds(3));
  REQUIRE_FALSE(farm.workers.grants("w1").empty());
  CHECK(farm.answers.empty());
  CHECK(farm.batches.size() == events);
  CHECK(farm.workers.acknowledged("w1") == 1);
  for (const wire::SchedulerReply& reply : farm.workers.sent["w1"])
    CHECK(reply.durable_sequence() <= farm.disk.sequence);

  farm.journal->go_on();
  farm.loop.run();
  CHECK(farm.answers == std::vector<std::string>{"submit"});
  CHECK(farm.batches.size() > events);
  CHECK(farm.workers.acknowledged("w1") == 2);
  CHECK(farm.workers.sent["w1"].back().durable_sequence() == farm.disk.sequence);
}

TEST_CASE("a finished task is acknowledged and its files ordered to be published when its commit is durable") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.submit(1);
  farm.loop.run();
  const auto grants = farm.workers.grants("w1");
  REQUIRE(grants.size() == 1);
  farm.journal->stalled = true;
  WorkerReported done = farm.report();
  farm.add_finished(done, grants[0]);
  farm.hear(std::move(done));
  farm.loop.run_for(base::seconds(2));
  CHECK(farm.workers.acknowledged("w1") == 1);
  CHECK(farm.workers.publish_orders("w1") == 0);
  farm.journal->go_on();
  farm.loop.run();
  CHECK(farm.workers.acknowledged("w1") == 2);
  CHECK(farm.workers.publish_orders("w1") == 1);
}

TEST_CASE("a stalled disk gets two batches, however many turns there are meanwhile") {
  LoopFixture farm;
  farm.journal->stalled = true;
  for (int i = 0; i < 9; ++i) farm.submit(1);
  farm.loop.run_for(base::seconds(1));
  CHECK(farm.journal->batches_waiting() == 2);
  CHECK(farm.answers.empty());
  farm.journal->go_on();
  farm.loop.run();
  CHECK(farm.answers.size() == 9);
  CHECK(farm.journal->batches_written == 3);
}

TEST_CASE("a full disk keeps what waits for it, refuses changes behind it, and goes on where it stopped") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  farm.journal->stalled = true;
  farm.submit();
  farm.scheduler->on_journal_full({"store.disk_full", "no space left", "", ""});
  CHECK_FALSE(farm.scheduler->health().ready);
  CHECK_FALSE(farm.scheduler->health().stopping);
  farm.submit();
  farm.loop.run_for(base::seconds(30));
  CHECK(farm.answers.empty());  // the refusal builds on a turn that is not durable
  farm.journal->go_on();
  farm.scheduler->on_journal_recovered();
  farm.loop.run();
  CHECK(farm.answers == std::vector<std::string>{"submit", "store.read_only"});
  CHECK(farm.scheduler->health().ready);
  farm.submit();
  farm.loop.run();
  CHECK(farm.answers.back() == "submit");
  CHECK(farm.stops.empty());
}

TEST_CASE("a journal that fails stops the scheduler, and nothing is said any more") {
  LoopFixture farm;
  farm.journal->refuses_writes = "store.stopped";
  farm.submit();
  farm.loop.run_for(base::seconds(1));
  REQUIRE(farm.stops.size() == 1);
  CHECK(farm.stops[0].code == "store.stopped");
  CHECK(farm.scheduler->health().stopping);
  CHECK(farm.answers.empty());
  CHECK(farm.batches.empty());
}

TEST_CASE("after a restart what was acknowledged is there, and what was not durable never was") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.submit(2);
  farm.loop.run();
  auto grants = farm.workers.grants("w1");
  REQUIRE(grants.size() == 1);
  WorkerReported first = farm.report();
  farm.add_finished(first, grants[0]);
  farm.hear(std::move(first));
  farm.loop.run();
  grants = farm.workers.grants("w1");
  REQUIRE(grants.size() == 2);
  farm.journal->stalled = true;
  WorkerReported second = farm.report();
  farm.add_finished(second, grants[1]);
  farm.hear(std::move(second));
  farm.loop.run();
  CHECK(farm.workers.acknowledged("w1") == 2);

  farm.start();
  const PhaseId phase{JobId(1), 0};
  CHECK(farm.workers.expected.at("w1") == 5);
  CHECK(farm.scheduler->farm().task_state(phase, 0) == jobs::TaskState::Committed);
  CHECK(farm.scheduler->farm().task_state(phase, 1) == jobs::TaskState::Leased);
  // It was not acknowledged, so the worker says it again.
  WorkerReported again = farm.report();
  farm.add_finished(again, grants[1]);
  farm.hear(std::move(again));
  farm.loop.run();
  CHECK(farm.scheduler->farm().task_state(phase, 1) == jobs::TaskState::Committed);
  CHECK(farm.workers.sent["w1"].back().epoch() == 2);
}

TEST_CASE("a grant whose inputs cannot be looked up is taken back at once, and given again after the next report") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.submit(1, true);
  farm.loop.run();
  const auto painted = farm.workers.grants("w1");
  REQUIRE(painted.size() == 1);
  WorkerReported done = farm.report();
  farm.add_finished(done, painted[0]);
  farm.hear(std::move(done));
  farm.loop.run();
  farm.start();  // it remembers no files
  farm.journal->refuses_lookups = "store.busy";
  WorkerReported published = farm.report();
  LoopFixture::add_published(published, painted[0]);
  farm.hear(std::move(published));
  farm.loop.run();
  CHECK(farm.workers.grants("w1").size() == 1);
  CHECK(farm.scheduler->farm().task_state({JobId(1), 1}, 0) == jobs::TaskState::Ready);
  CHECK(farm.events_of("AttemptEnded") == 2);
  farm.loop.run_for(base::seconds(2));  // and no other is made until the worker calls
  CHECK(farm.events_of("AttemptEnded") == 2);

  farm.journal->refuses_lookups.clear();
  farm.hear(farm.report());
  farm.loop.run();
  const auto grants = farm.workers.grants("w1");
  REQUIRE(grants.size() == 2);
  CHECK(grants[1].tasks().phase() == 1);
  REQUIRE(grants[1].inputs_size() == 1);
  CHECK(grants[1].inputs(0).path() == "a/v001/p.0001.png");
}

TEST_CASE("a grant to a worker that is not connected is known to be lost before anything expires") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  farm.workers.states["w1"] = WorkerPort::Sent::Gone;
  farm.submit(1);
  farm.loop.run();
  CHECK(farm.workers.grants("w1").empty());
  CHECK(farm.scheduler->farm().task_state({JobId(1), 0}, 0) == jobs::TaskState::Ready);
  CHECK(farm.events_of("AttemptGranted") == 1);
  farm.workers.states.clear();
  farm.hear(farm.report());
  farm.loop.run();
  REQUIRE(farm.workers.grants("w1").size() == 1);
  CHECK(farm.workers.grants("w1")[0].attempt().counter() == 2);
}

TEST_CASE("a grant that a worker's full queue does not take is sent when there is room, once") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  farm.workers.states["w1"] = WorkerPort::Sent::Full;
  farm.submit(1);
  farm.loop.run_for(base::milliseconds(100));
  CHECK(farm.workers.grants("w1").empty());
  CHECK(farm.scheduler->farm().task_state({JobId(1), 0}, 0) == jobs::TaskState::Leased);
  farm.workers.states.clear();
  farm.loop.run_for(base::milliseconds(100));
  CHECK(farm.workers.grants("w1").size() == 1);
}

TEST_CASE("a worker that is quiet becomes silent, but not because the scheduler itself was away") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.submit(1);
  farm.loop.run();
  farm.loop.sleep(base::seconds(300));
  farm.loop.post([&] {  // what came in meanwhile
    WorkerReported report = farm.report();
    LoopFixture::add_running(report, farm.workers.grants("w1").at(0));
    farm.hear(std::move(report));
  });
  farm.loop.run();
  CHECK(farm.events_of("WorkerWentSilent") == 0);
  CHECK(farm.events_of("LeaseExpired") == 0);
  farm.loop.run_for(base::seconds(14));
  CHECK(farm.events_of("WorkerWentSilent") == 0);
  farm.loop.run_for(base::seconds(2));
  CHECK(farm.events_of("WorkerWentSilent") == 1);
  farm.loop.run_for(base::seconds(120));
  CHECK(farm.events_of("LeaseExpired") == 1);
}

TEST_CASE("a report that came in while the scheduler was away counts before anything expires") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  // Late by less than what moves the alarms, with a report in the queue behind the timer.
  farm.loop.sleep(base::milliseconds(15'500));
  farm.loop.post([&] { farm.hear(farm.report()); });
  farm.loop.run();
  CHECK(farm.events_of("WorkerWentSilent") == 0);
}

TEST_CASE("a turn that an answer begins comes after what is being said") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.loop.run();
  const std::size_t before = farm.batches.size();
  JobSubmitted first = farm.submission(LoopFixture::spec(1));
  first.request = farm.scheduler->expect([&](const base::Result<AnswerValue>&) {
    farm.answers.push_back("first");
    JobChangeRequested unknown;  // changes nothing: with nothing on its way it is answered at once
    unknown.job = JobId(77);
    unknown.request = farm.scheduler->expect([&](const base::Result<AnswerValue>& answer) {
      CHECK(farm.batches.size() > before);  // the events of the first turn are out
      farm.answers.push_back(answer.error().code);
    });
    farm.scheduler->apply(std::move(unknown));
  });
  farm.scheduler->apply(std::move(first));
  farm.loop.run();
  CHECK(farm.answers == std::vector<std::string>{"first", "job.unknown"});
}

TEST_CASE("a scheduler that has ended hears nothing more of its journal or its timers") {
  LoopFixture farm;
  farm.hear(farm.report());
  farm.submit(1);
  const std::size_t sent = farm.workers.sent["w1"].size();
  farm.scheduler.reset();
  farm.loop.run_for(base::seconds(300));
  CHECK(farm.workers.sent["w1"].size() == sent);
  CHECK(farm.answers.empty());
}

}  // namespace
}  // namespace framemill::scheduler
