#include "scheduler/loop/scheduler.h"

#include "tests/scheduler_daemon/daemon_fixture.h"

namespace framemill::scheduler {
namespace {

using test::DaemonFixture;

struct Answered {
  std::vector<std::string> order;  // which requests, as they were answered
  std::function<void(base::Result<AnswerValue>)> note(const std::string& name) {
    return [this, name](const base::Result<AnswerValue>& answer) {
      order.push_back(name + (answer.ok() ? "" : " " + answer.error().code));
    };
  }
};

JobChangeRequested change_of(JobId job, JobAction verb, RequestId request) {
  JobChangeRequested change;
  change.request = request;
  change.cause = {"ana", base::wall_now(), ""};
  change.job = job;
  change.verb = verb;
  return change;
}

WorkerReported report_of(const std::string& key, std::uint64_t sequence, const std::string& package) {
  WorkerReported report;
  report.key = key;
  report.incarnation = 5;
  report.sequence = sequence;
  report.inventory.emplace();
  report.inventory->name = "w1";
  report.inventory->packages.push_back({package, {}});
  return report;
}

TEST_CASE("a turn that changes nothing is answered after the batch that it builds on is durable") {
  DaemonFixture farm;
  const JobId job = farm.submit("a")->submitted.job;
  Answered answered;
  // The first writes; the second finds the job cancelled and has nothing to write.
  farm.scheduler->apply(change_of(job, JobAction::Cancel, farm.scheduler->expect(answered.note("cancel"))));
  farm.scheduler->apply(change_of(job, JobAction::Pause, farm.scheduler->expect(answered.note("pause"))));
  CHECK(answered.order.empty());
  REQUIRE(farm.run_until([&] { return answered.order.size() == 2; }));
  CHECK(answered.order == std::vector<std::string>{"cancel", "pause job.final"});
  // With nothing in flight there is nothing to wait for.
  farm.scheduler->apply(change_of(job, JobAction::Pause, farm.scheduler->expect(answered.note("again"))));
  CHECK(answered.order.size() == 3);
}

TEST_CASE("answers come in the order of their turns, however many batches are in flight") {
  DaemonFixture farm;
  const JobId job = farm.submit("a")->submitted.job;
  Answered answered;
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    const std::string name = std::to_string(i);
    JobChangeRequested change = change_of(job, JobAction::SetPriority, farm.scheduler->expect(answered.note(name)));
    // Every other one asks for what is not there, and writes nothing.
    if (i % 2 == 1) change.job = JobId(99);
    change.priority = i;
    farm.scheduler->apply(std::move(change));
    expected.push_back(name + (i % 2 == 1 ? " job.unknown" : ""));
  }
  CHECK(answered.order.empty());
  REQUIRE(farm.run_until([&] { return answered.order.size() == expected.size(); }));
  CHECK(answered.order == expected);
  CHECK(farm.scheduler->farm().job(job)->priority == 10);
}

TEST_CASE("what was answered is there after the next start") {
  DaemonFixture farm;
  const JobId job = farm.submit("a")->submitted.job;
  Answered answered;
  farm.scheduler->apply(change_of(job, JobAction::Cancel, farm.scheduler->expect(answered.note("cancel"))));
  REQUIRE(farm.run_until([&] { return !answered.order.empty(); }));
  farm.start();
  REQUIRE(farm.scheduler->farm().job(job) != nullptr);
  CHECK(farm.scheduler->farm().job(job)->state == jobs::JobState::Cancelled);
}

TEST_CASE("every batch of events has an id of its own, also those of turns that wrote nothing") {
  DaemonFixture farm;
  const std::string key = net::make_curve_key_pair().public_key.z85();
  farm.scheduler->apply(report_of(key, 1, "a@1"));
  REQUIRE(farm.run_until([&] { return !farm.batches.empty() && farm.scheduler->health().durable_sequence > 0; }));
  const std::size_t first = farm.batches.size();
  const std::uint64_t durable = farm.scheduler->health().durable_sequence;
  for (std::uint64_t i = 2; i < 6; ++i) farm.scheduler->apply(report_of(key, i, "a@" + std::to_string(i)));
  REQUIRE(farm.run_until([&] { return farm.batches.size() == first + 4; }));
  CHECK(farm.scheduler->health().durable_sequence == durable);  // an inventory is not on record
  for (std::size_t i = 1; i < farm.batches.size(); ++i) {
    CHECK(farm.batches[i].epoch == farm.batches[0].epoch);
    CHECK(farm.batches[i].sequence > farm.batches[i - 1].sequence);
  }
  for (const EventBatch& batch : farm.batches) CHECK_FALSE(batch.events.empty());
  // What is written later comes later still.
  REQUIRE(farm.submit("b").ok());
  CHECK(farm.batches.back().sequence > farm.batches[first + 3].sequence);
}

TEST_CASE("a second process with a worker's key is shown beside the worker and reported once") {
  DaemonFixture farm;
  const std::string key = net::make_curve_key_pair().public_key.z85();
  WorkerReported report = report_of(key, 1, "a@1");
  report.address = "10.0.0.7";
  farm.scheduler->apply(report);
  const auto shown = [&] { return farm.scheduler->farm().list_workers(base::now()).at(0); };
  CHECK(shown().address == "10.0.0.7");
  CHECK(shown().other_address.empty());
  for (int i = 0; i < 5; ++i) farm.scheduler->apply(WorkerKeyContested{key, "10.0.0.8"});
  farm.scheduler->apply(WorkerKeyContested{"nobody's key", "10.0.0.9"});
  CHECK(shown().address == "10.0.0.7");
  CHECK(shown().other_address == "10.0.0.8");
  CHECK(shown().state == jobs::WorkerState::Up);
  base::Now later = base::now();
  later.monotonic = later.monotonic + base::seconds(61);
  CHECK(farm.scheduler->farm().list_workers(later).at(0).other_address.empty());
  REQUIRE(farm.submit("b").ok());
  int told = 0;
  for (const EventBatch& batch : farm.batches)
    for (const EventRow& row : batch.events) told += what_of(row.event) == "WorkerKeyContested";
  CHECK(told == 1);
}

}  // namespace
}  // namespace framemill::scheduler
