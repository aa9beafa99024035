#include "scheduler/link/outbox.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

const jobs::Epoch kEpoch{7, 0xABCD};
const WorkerId kWorker{3}, kOther{4};

// An outbox whose link takes what the test says it takes.
struct Desk {
  WorkerPort::Sent link = WorkerPort::Sent::Yes;
  std::map<WorkerId, std::vector<wire::SchedulerReply>> sent;
  std::vector<std::uint64_t> lost;  // counters of grants that were dropped
  Outbox outbox{kEpoch,
                [this](WorkerId worker, const wire::SchedulerReply& reply) {
                  if (link == WorkerPort::Sent::Yes) sent[worker].push_back(reply);
                  return link;
                },
                [this](const wire::Grant& grant, WorkerPort::Sent) { lost.push_back(grant.attempt().counter()); }};

  void acknowledge(std::uint64_t incarnation, std::uint64_t sequence, WorkerId worker = kWorker) {
    AcknowledgeReport ack;
    ack.worker = worker;
    ack.incarnation = incarnation;
    ack.sequence = sequence;
    ack.next_report = base::milliseconds(1500);
    outbox.add(ack);
  }
  const wire::SchedulerReply& last(WorkerId worker = kWorker) { return sent[worker].back(); }
};

wire::Grant grant_of(std::uint64_t counter, std::size_t bytes = 0) {
  wire::Grant grant;
  grant.mutable_attempt()->set_counter(counter);
  if (bytes > 0) grant.add_inputs()->set_path(std::string(bytes, 'x'));
  return grant;
}

TEST_CASE("a worker that was started again hears its own report's number, not its predecessor's") {
  Desk desk;
  desk.acknowledge(11, 40);
  desk.outbox.flush();
  CHECK(desk.last().incarnation() == 11);
  CHECK(desk.last().acked_report() == 40);
  desk.acknowledge(12, 1);
  desk.outbox.flush();
  CHECK(desk.last().incarnation() == 12);
  CHECK(desk.last().acked_report() == 1);
  // Also where nothing went out in between.
  desk.acknowledge(12, 2);
  desk.acknowledge(13, 1);
  desk.outbox.flush();
  CHECK(desk.last().incarnation() == 13);
  CHECK(desk.last().acked_report() == 1);
  REQUIRE(desk.last().acked_reports_size() == 1);
  CHECK(desk.last().acked_reports(0) == 1);
}

TEST_CASE("the highest report of a process is what its replies acknowledge, whatever came last") {
  Desk desk;
  desk.acknowledge(11, 5);
  desk.acknowledge(11, 4);
  desk.outbox.flush();
  CHECK(desk.last().acked_report() == 5);
  // It is said again with whatever else there is to say, and to nobody else.
  desk.outbox.add(kWorker, grant_of(1));
  desk.acknowledge(21, 2, kOther);
  desk.outbox.flush();
  CHECK(desk.last().acked_report() == 5);
  CHECK(desk.last().incarnation() == 11);
  CHECK(desk.last().grants_size() == 1);
  CHECK_FALSE(desk.last().lease_proof());  // a lease is proved by the answer to a report alone
  CHECK(desk.last(kOther).acked_report() == 2);
}

TEST_CASE("a reply says who speaks, what is durable and when to report next, and is said once") {
  Desk desk;
  desk.outbox.set_durable_sequence(99);
  desk.acknowledge(11, 1);
  desk.outbox.flush();
  const wire::SchedulerReply& reply = desk.last();
  CHECK(reply.protocol() == wire::kProtocolVersion);
  CHECK(reply.epoch() == kEpoch.number);
  CHECK(reply.epoch_nonce() == kEpoch.nonce);
  CHECK(reply.durable_sequence() == 99);
  CHECK(reply.next_report_ms() == 1500);
  CHECK(reply.lease_proof());
  CHECK(reply.refused().empty());
  desk.outbox.flush();
  CHECK(desk.sent[kWorker].size() == 1);
}

TEST_CASE("a refusal proves no lease and gives the reason") {
  Desk desk;
  AcknowledgeReport ack;
  ack.worker = kWorker;
  ack.incarnation = 11;
  ack.sequence = 1;
  ack.refused = "shut out";
  desk.outbox.add(ack);
  desk.outbox.flush();
  CHECK_FALSE(desk.last().lease_proof());
  CHECK(desk.last().refused() == "shut out");
}

TEST_CASE("while the queue to a worker is full its reply is kept, and nothing of it is lost or said twice") {
  Desk desk;
  desk.link = WorkerPort::Sent::Full;
  desk.acknowledge(11, 1);
  desk.outbox.add(kWorker, grant_of(1));
  desk.outbox.flush();
  CHECK(desk.outbox.holding_back());
  desk.outbox.add(kWorker, grant_of(2));
  desk.link = WorkerPort::Sent::Yes;
  desk.outbox.flush();
  CHECK_FALSE(desk.outbox.holding_back());
  REQUIRE(desk.sent[kWorker].size() == 1);
  REQUIRE(desk.last().grants_size() == 2);
  CHECK(desk.last().grants(0).attempt().counter() == 1);
  CHECK(desk.last().grants(1).attempt().counter() == 2);
  CHECK(desk.last().lease_proof());
}

TEST_CASE("what is for a worker that has gone is dropped, and the next reply starts afresh") {
  Desk desk;
  desk.link = WorkerPort::Sent::Gone;
  desk.acknowledge(11, 1);
  desk.outbox.add(kWorker, grant_of(1));
  desk.outbox.flush();
  CHECK_FALSE(desk.outbox.holding_back());
  CHECK(desk.lost == std::vector<std::uint64_t>{1});
  desk.link = WorkerPort::Sent::Yes;
  desk.outbox.add(kWorker, grant_of(2));
  desk.outbox.flush();
  REQUIRE(desk.last().grants_size() == 1);
  CHECK(desk.last().grants(0).attempt().counter() == 2);
}

TEST_CASE("much to say goes out in several replies, each of them one that can be sent") {
  Desk desk;
  desk.acknowledge(11, 1);
  for (std::uint64_t i = 1; i <= 12; ++i) desk.outbox.add(kWorker, grant_of(i, 200'000));
  desk.outbox.flush();
  REQUIRE(desk.sent[kWorker].size() > 1);
  std::uint64_t counter = 0;
  for (const wire::SchedulerReply& reply : desk.sent[kWorker]) {
    CHECK(reply.ByteSizeLong() <= wire::kFarmMessageBytesMax);
    CHECK(reply.acked_report() == 1);
    for (const wire::Grant& grant : reply.grants()) CHECK(grant.attempt().counter() == ++counter);
  }
  CHECK(counter == 12);
}

}  // namespace
}  // namespace framemill::scheduler
