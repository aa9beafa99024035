#include "worker/link/conversation.h"

#include <catch2/catch.hpp>
#include <string>

#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::worker {
namespace {

constexpr std::uint64_t kIncarnation = 11;

wire::SchedulerReply reply_of(std::uint32_t epoch, std::uint64_t durable) {
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_incarnation(kIncarnation);
  reply.set_epoch(epoch);
  reply.set_epoch_nonce(epoch);
  reply.set_durable_sequence(durable);
  reply.set_next_report_ms(1000);
  return reply;
}

TEST_CASE("a reply for this process is followed, one for an earlier process of the worker is not") {
  Conversation conversation(kIncarnation);
  CHECK_FALSE(conversation.accepted());
  wire::SchedulerReply earlier = reply_of(1, 5);
  earlier.set_incarnation(kIncarnation - 1);
  CHECK_FALSE(conversation.take(earlier.SerializeAsString()));
  CHECK_FALSE(conversation.accepted());
  CHECK(conversation.take(reply_of(1, 5).SerializeAsString()));
  CHECK(conversation.accepted());
  CHECK(conversation.problem().empty());
}

TEST_CASE("a scheduler that knows fewer commits than the worker has heard of is not followed") {
  Conversation conversation(kIncarnation);
  REQUIRE(conversation.take(reply_of(1, 50).SerializeAsString()));
  // The same start of the scheduler: an old reply that came late.
  CHECK(conversation.take(reply_of(1, 49).SerializeAsString()));
  CHECK_FALSE(conversation.take(reply_of(2, 49).SerializeAsString()));
  CHECK(conversation.problem().find("lost history") != std::string::npos);
  CHECK(conversation.take(reply_of(3, 50).SerializeAsString()));
  CHECK(conversation.problem().empty());
  // Every report says what the worker has heard.
  wire::WorkerReport report;
  REQUIRE(report.ParseFromString(conversation.write({}, nullptr, {})));
  CHECK(report.acked_epoch() == 3);
  CHECK(report.acked_durable_sequence() == 50);
  CHECK(report.incarnation() == kIncarnation);
}

TEST_CASE("a loss of history that an operator has accepted is followed, once") {
  Conversation conversation(kIncarnation);
  REQUIRE(conversation.take(reply_of(1, 50).SerializeAsString()));
  wire::SchedulerReply accepted = reply_of(2, 20);
  accepted.set_era(1'000);
  REQUIRE(conversation.take(accepted.SerializeAsString()));
  wire::WorkerReport report;
  REQUIRE(report.ParseFromString(conversation.write({}, nullptr, {})));
  CHECK(report.acked_epoch() == 2);
  CHECK(report.acked_epoch_nonce() == 2);
  CHECK(report.acked_durable_sequence() == 20);
  CHECK(report.acked_era() == 1'000);
  // Another loss within that era is another loss.
  wire::SchedulerReply again = reply_of(3, 19);
  again.set_era(1'000);
  CHECK_FALSE(conversation.take(again.SerializeAsString()));
  CHECK(conversation.problem().find("lost history") != std::string::npos);
}

TEST_CASE("a refusal without a state of the farm is no reply to follow, and nothing that was heard changes") {
  Conversation conversation(kIncarnation);
  REQUIRE(conversation.take(reply_of(1, 50).SerializeAsString()));
  wire::SchedulerReply refusal;
  refusal.set_protocol(wire::kProtocolVersion);
  refusal.set_refused("its key is in use");
  CHECK_FALSE(conversation.take(refusal.SerializeAsString()));
  CHECK_FALSE(conversation.accepted());
  REQUIRE(conversation.take(reply_of(1, 51).SerializeAsString()));
  CHECK(conversation.accepted());
}

TEST_CASE("bytes that are no reply are a problem, until a reply comes") {
  Conversation conversation(kIncarnation);
  CHECK_FALSE(conversation.take("\xff\xff\xff"));
  CHECK_FALSE(conversation.problem().empty());
  REQUIRE(conversation.take(reply_of(1, 1).SerializeAsString()));
  CHECK(conversation.problem().empty());
}

}  // namespace
}  // namespace framemill::worker
