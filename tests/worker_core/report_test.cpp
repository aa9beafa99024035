// What a worker reports, and what counts as acknowledged.
#include "tests/worker_core/bench.h"

namespace framemill::worker {
namespace {

using bench::attempt;
using bench::Bench;
using bench::lease;
using jobs::Outcome;

TEST_CASE("what is finished is reported at once and again until a report that carried it is acknowledged") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.report();
  CHECK_FALSE(b.core.report_due(b.now));
  b.finish_task(1, 0);
  CHECK(b.core.report_due(b.now));
  CHECK(b.report().items.size() == 1);
  CHECK(b.report().items.empty());
  b.now = b.now + base::seconds(3);
  CHECK(b.report().items.size() == 1);
  const std::uint64_t carried = b.last_report.sequence;
  ReplyReceived early;
  early.acked_report = carried - 1;
  b.happen(early);
  CHECK(b.core.unacknowledged_count() == 1);
  early.acked_report = carried;
  b.happen(early);
  CHECK(b.core.unacknowledged_count() == 0);
}

TEST_CASE("a later acknowledgement does not stand for a report that was refused") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2));
  b.end(1, Outcome::Failed);
  const std::uint64_t refused = b.report().sequence;
  b.end(2, Outcome::Failed);
  const std::uint64_t taken = b.report().sequence;
  const auto acknowledge = [&](std::vector<std::uint64_t> reports) {
    ReplyReceived reply;
    reply.acked_report = reports.back();
    reply.acked_reports = std::move(reports);
    b.happen(reply);
  };
  acknowledge({taken});
  CHECK(b.core.unacknowledged_count() == 1);
  b.pass(base::seconds(10));
  const Report again = b.report();
  REQUIRE(again.items.size() == 1);
  CHECK(std::get<EndedAttempt>(again.items[0]).attempt == attempt(1));
  acknowledge({refused});  // told again since: the newest report that carried it counts
  CHECK(b.core.unacknowledged_count() == 1);
  acknowledge({again.sequence});
  CHECK(b.core.unacknowledged_count() == 0);
}

TEST_CASE("what an attempt prints is reported soon, and until a report that carried it is acknowledged") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.exchange();
  CHECK(b.last_report.running.at(0).output.empty());
  b.happen(AttemptOutput{attempt(1), "first words\n"});
  CHECK(b.core.next_report() <= b.now + base::milliseconds(300));
  CHECK(b.report().running.at(0).output == "first words\n");
  CHECK(b.report().running.at(0).output == "first words\n");  // the one before may be lost
  ReplyReceived reply;
  reply.acked_report = b.last_report.sequence;
  reply.acked_reports = std::vector{b.last_report.sequence};
  b.happen(reply);
  CHECK(b.report().running.at(0).output.empty());
  b.happen(AttemptOutput{attempt(1), "first words\nmore\n"});
  CHECK(b.report().running.at(0).output == "first words\nmore\n");
  b.happen(LinkConnected{});
  CHECK_FALSE(b.report().running.at(0).output.empty());
}

TEST_CASE("each victim of a dead executor has its own log") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.grant(lease(2));
  b.happen(ExecutorDied{0, bench::signalled(11), "everything", {{attempt(1), "one"}, {attempt(2), "two"}}});
  CHECK(b.told_end(1).output_tail == "one");
  CHECK(b.told_end(2).output_tail == "two");
}

TEST_CASE("an inventory whose report was refused is sent again once a later one is taken") {
  Bench b;
  b.all_ready();
  REQUIRE(b.report().with_inventory);
  const auto acknowledge = [&](std::uint64_t report) {
    ReplyReceived reply;
    reply.acked_report = report;
    reply.acked_reports = std::vector{report};
    b.happen(reply);
  };
  const Report later = b.report();
  REQUIRE_FALSE(later.with_inventory);
  acknowledge(later.sequence);
  const Report again = b.report();
  CHECK(again.with_inventory);
  acknowledge(again.sequence);
  const Report last = b.report();
  CHECK_FALSE(last.with_inventory);
  acknowledge(last.sequence);
  CHECK_FALSE(b.report().with_inventory);
}

TEST_CASE("a grant that the worker cannot read fails its attempt once") {
  Bench b;
  ReplyReceived reply;
  reply.refused_grants.push_back({attempt(5), "grant.invalid", "no tasks"});
  b.happen(reply);
  b.happen(reply);  // said again
  const Report report = b.report();
  REQUIRE(report.items.size() == 1);
  const auto& ended = std::get<EndedAttempt>(report.items[0]);
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "grant.invalid");
}

TEST_CASE("everything is reported again over a new connection, with the inventory") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.finish_task(1, 0);
  b.report();
  b.happen(LinkConnected{});
  CHECK(b.core.report_due(b.now));
  CHECK(b.report().items.size() == 1);
  CHECK(b.last_report.with_inventory);
}

TEST_CASE("a report holds no more than fits, in order, and the rest follows at once") {
  Bench b;
  b.all_ready();
  b.grant(lease(1, 0, Runner::Executor, {0, 3000}));
  for (TaskIndex t = 0; t < 3000; ++t)
    b.happen(TaskFinished{{attempt(1), {JobId(1), 0}, t, 3, 0, std::string(400, 'x')}});
  std::size_t told = 0, reports = 0;
  TaskIndex next = 0;
  while (b.core.report_due(b.now)) {
    std::size_t bytes = 0, files = 0;
    for (const ReportItem& item : b.report().items) {
      const auto& task = std::get<FinishedTask>(item);
      CHECK(task.task == next++);
      bytes += task.message.size();
      files += task.files;
    }
    CHECK(bytes < 1 << 20);
    CHECK(files <= 4096);
    told += b.last_report.items.size();
    REQUIRE(++reports < 100);
  }
  CHECK(told == 3000);
  CHECK(reports > 2);
}

TEST_CASE("an acknowledgement of reports that were never sent is not believed") {
  Bench b;
  b.all_ready();
  b.grant(lease(1));
  b.finish_task(1, 0);
  b.report();
  ReplyReceived reply;
  reply.acked_report = b.last_report.sequence + 5;
  b.happen(reply);
  CHECK(b.core.unacknowledged_count() == 1);
}

TEST_CASE("a publish order at work or unreported is not done twice, and its result sweeps what is over") {
  Bench b;
  const PublishDuty duty{attempt(1), {JobId(1), 0}, {0, 2}};
  ReplyReceived reply;
  reply.publishes = {duty};
  b.happen(reply);
  CHECK(b.count<Publish>() == 1);
  b.happen(reply);
  CHECK(b.count<Publish>() == 0);
  b.happen(DutyPublished{duty});
  CHECK(b.count<SweepIfPublished>() == 1);
  b.happen(reply);
  CHECK(b.count<Publish>() == 0);
  CHECK(std::get<PublishedTasks>(b.report().items[0]).duty == duty);
  b.happen(ReplyReceived{b.last_report.sequence, false, false, false, {}, {}, {}, {duty}, {}, {}, {}, {}});
  CHECK(b.count<Publish>() == 1);  // asked again after all was said: it is idempotent
}

TEST_CASE("a worker reports about once a second which publish orders it holds, unacknowledged results among them") {
  Bench b;
  ReplyReceived reply;
  for (const TaskIndex task : {0u, 1u, 2u, 5u}) reply.publishes.push_back({attempt(1), {JobId(1), 0}, {task, 1}});
  b.happen(reply);
  const Report first = b.report();
  REQUIRE(first.tells_publishing);
  REQUIRE(first.publishing.size() == 2);
  CHECK(first.publishing[0].second == TaskRange{0, 3});
  CHECK(first.publishing[1].second == TaskRange{5, 1});
  CHECK_FALSE(b.report().tells_publishing);
  b.happen(DutyPublished{reply.publishes[0]});
  b.pass(base::seconds(1));
  const Report second = b.report();
  CHECK(second.publishing == first.publishing);
  ReplyReceived acknowledged;
  acknowledged.acked_report = second.sequence;
  b.happen(acknowledged);
  b.pass(base::seconds(1));
  CHECK(b.report().publishing[0].second == TaskRange{1, 2});
}

TEST_CASE("a worker that holds more scattered publish orders than fit says nothing of them rather than half") {
  Bench b;
  ReplyReceived reply;
  for (TaskIndex i = 0; i <= Worker::kPublishingRangesMax; ++i)
    reply.publishes.push_back({attempt(1), {JobId(1), 0}, {2 * i, 1}});
  b.happen(reply);
  const Report too_many = b.report();
  CHECK_FALSE(too_many.tells_publishing);
  CHECK(too_many.publishing.empty());
  b.happen(DutyPublished{reply.publishes[0]});
  ReplyReceived acknowledged;
  acknowledged.acked_report = b.report().sequence;
  b.happen(acknowledged);
  b.pass(base::seconds(1));
  const Report all = b.report();
  CHECK(all.tells_publishing);
  CHECK(all.publishing.size() == Worker::kPublishingRangesMax);
}

TEST_CASE("a manifest order at work or unreported is not done twice") {
  Bench b;
  ReplyReceived reply;
  reply.manifests.push_back({JobId(1), 0, 7});
  CHECK((b.happen(reply), b.count<WriteManifest>()) == 1);
  CHECK((b.happen(reply), b.count<WriteManifest>()) == 0);
  b.happen(ManifestDone{{reply.manifests[0], "", ""}});
  CHECK((b.happen(reply), b.count<WriteManifest>()) == 0);
  const Report report = b.report();
  REQUIRE(report.items.size() == 1);
  CHECK(std::get<ManifestResult>(report.items[0]).duty.revision == 7);
  reply.acked_report = report.sequence;
  CHECK((b.happen(reply), b.count<WriteManifest>()) == 1);
}

}  // namespace
}  // namespace framemill::worker
