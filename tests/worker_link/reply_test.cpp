#include "worker/link/reply.h"

#include <catch2/catch.hpp>
#include <functional>

#include "wire/limits.h"
#include "worker/link/report.h"
#include "worker/link/usage.h"

namespace framemill::worker {
namespace {

wire::SchedulerReply good_reply() {
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_epoch(3);
  reply.set_epoch_nonce(77);
  reply.set_durable_sequence(12);
  reply.set_acked_report(4);
  reply.set_incarnation(9);
  reply.set_next_report_ms(1000);
  reply.set_lease_proof(true);
  wire::Grant& grant = *reply.add_grants();
  grant.mutable_attempt()->set_epoch(3);
  grant.mutable_attempt()->set_counter(17);
  grant.mutable_tasks()->set_job(5);
  grant.mutable_tasks()->set_first(8);
  grant.mutable_tasks()->set_count(2);
  grant.set_lease_ttl_ms(120'000);
  grant.mutable_recipe()->set_root("main");
  grant.mutable_recipe()->mutable_encode()->set_fps(24);
  wire::PublishOrder& order = *reply.add_publish();
  order.mutable_tasks()->set_job(5);
  order.mutable_tasks()->set_count(1);
  wire::OutputFile& file = *order.add_files();
  file.set_staged("0/a");
  file.set_path("a");
  file.set_sha256(std::string(32, 'x'));
  reply.add_discard()->set_job(4);
  return reply;
}

TEST_CASE("a reply becomes one event, and what its ids stand for is kept beside it") {
  const auto reply = parse_reply(good_reply().SerializeAsString());
  REQUIRE(reply.ok());
  REQUIRE(reply->event.grants.size() == 1);
  const Lease& lease = reply->event.grants[0];
  CHECK(lease.attempt.counter == 17);
  CHECK(lease.tasks == TaskRange{8, 2});
  CHECK(lease.runner == Runner::Media);
  CHECK(lease.ttl == base::seconds(120));
  CHECK(reply->grants.contains(lease.attempt));
  CHECK(reply->publishes.size() == 1);
  CHECK(reply->event.discards == std::vector{JobId(4)});
  CHECK(reply->durable_sequence == 12);
  CHECK(reply->event.lease_proof);
}

TEST_CASE("a reply of another version, or one that is none, is refused whole") {
  wire::SchedulerReply reply = good_reply();
  reply.set_protocol(99);
  const auto parsed = parse_reply(reply.SerializeAsString());
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().field == "protocol");
  CHECK_FALSE(parse_reply("\xff\xff\xff rubbish").ok());
  CHECK_FALSE(parse_reply(std::string(wire::kFarmMessageBytesMax + 1, '\0')).ok());
}

TEST_CASE("a part of a reply that makes no sense costs that part, and a bad grant ends its attempt") {
  struct Case {
    const char* field;
    std::function<void(wire::SchedulerReply&)> spoil;
  };
  const std::vector<Case> cases{
      {"grants.attempt", [](auto& r) { r.mutable_grants(0)->mutable_attempt()->set_counter(0); }},
      {"grants.tasks", [](auto& r) { r.mutable_grants(0)->mutable_tasks()->set_count(0); }},
      {"grants.tasks", [](auto& r) { r.mutable_grants(0)->mutable_tasks()->set_first(UINT32_MAX); }},
      {"grants.lease_ttl_ms", [](auto& r) { r.mutable_grants(0)->set_lease_ttl_ms(1); }},
      {"grants.recipe", [](auto& r) { r.mutable_grants(0)->mutable_recipe()->clear_work(); }},
      {"grants.recipe.root", [](auto& r) { r.mutable_grants(0)->mutable_recipe()->clear_root(); }},
      {"grants.inputs", [](auto& r) { r.mutable_grants(0)->add_inputs()->set_root("main"); }},
      {"grants.inputs",
       [](auto& r) {
         wire::InputFile& half = *r.mutable_grants(0)->add_inputs();
         half.set_root("main");
         half.set_path("plate.exr");
         half.set_sha256(std::string(16, 'x'));
       }},
      {"publish.tasks", [](auto& r) { r.mutable_publish(0)->mutable_tasks()->set_count(0); }},
      {"publish.files", [](auto& r) { r.mutable_publish(0)->mutable_files(0)->set_sha256("short"); }},
      {"discard.job", [](auto& r) { r.mutable_discard(0)->set_job(0); }},
  };
  for (const Case& one : cases) {
    INFO(one.field);
    wire::SchedulerReply reply = good_reply();
    wire::Grant& other = *reply.add_grants();
    other = reply.grants(0);
    other.mutable_attempt()->set_counter(18);
    one.spoil(reply);
    const auto parsed = parse_reply(reply.SerializeAsString());
    REQUIRE(parsed.ok());
    REQUIRE(parsed->bad_items.size() == 1);
    CHECK(parsed->bad_items[0].field == one.field);
    CHECK(parsed->event.lease_proof);
    CHECK(parsed->event.grants.back().attempt.counter == 18);
    const bool bad_grant =
        std::string_view(one.field).starts_with("grants.") && reply.grants(0).attempt().counter() > 0;
    REQUIRE(parsed->event.refused_grants.size() == (bad_grant ? 1 : 0));
    if (bad_grant) CHECK(parsed->event.refused_grants[0].attempt.counter == 17);
  }
}

TEST_CASE("a reply names the reports that are durable, and one of an older scheduler does not") {
  wire::SchedulerReply reply = good_reply();
  CHECK_FALSE(parse_reply(reply.SerializeAsString())->event.acked_reports.has_value());
  reply.set_lists_acked_reports(true);
  CHECK(parse_reply(reply.SerializeAsString())->event.acked_reports->empty());
  reply.add_acked_reports(2);
  reply.add_acked_reports(4);
  CHECK(*parse_reply(reply.SerializeAsString())->event.acked_reports == std::vector<std::uint64_t>{2, 4});
}

TEST_CASE("what a program or a library said goes into a report as UTF-8, whatever its bytes are") {
  Report report;
  report.sequence = 1;
  report.running.push_back(
      {{{3, 77}, 18}, {JobId(5), 0}, {0, 4}, 1, {2, 1, 2, 1, 0, "caf\xe9", {}}, false, {}, "Besch\xe4\n"});
  EndedAttempt ended{{{3, 77}, 17}, jobs::Outcome::Failed, "command.exit", "\xe9\x1b[31m done", {}, true, {}, {},
                     "t\xff\n"};
  report.items.push_back(ended);
  report.items.push_back(PublishFailure{{{{3, 77}, 17}, {JobId(5), 0}, {2, 1}}, "storage_failed", "\xc3"});
  report.items.push_back(ManifestResult{{JobId(4), 0, 1}, "storage_failed", "\xe2\x82"});
  wire::WorkerReport out;
  REQUIRE(out.ParseFromString(write_report(report, nullptr, {}, {9, {3, 77}, 12})));
  CHECK(out.running(0).detail() == "caf\uFFFD");
  CHECK(out.running(0).output() == "Besch\uFFFD\n");
  CHECK(out.ended(0).message() == "\uFFFD done");
  CHECK(out.ended(0).output_tail() == "t\uFFFD\n");
  CHECK(out.publish_failed(0).message() == "\uFFFD");
  CHECK(out.manifests(0).message() == "\uFFFD\uFFFD");
}

TEST_CASE("why a lease is taken back is read from the reply, and an unknown reason removes nothing") {
  wire::SchedulerReply reply = good_reply();
  for (const char* reason : {"unknown", "taken_back", "budget", ""}) {
    wire::Revoke& revoke = *reply.add_revokes();
    revoke.mutable_attempt()->set_counter(17);
    revoke.set_reason(reason);
  }
  const auto parsed = parse_reply(reply.SerializeAsString());
  REQUIRE(parsed.ok());
  REQUIRE(parsed->event.revokes.size() == 4);
  CHECK(parsed->event.revokes[0].reason == jobs::RevokeReason::Unknown);
  CHECK(parsed->event.revokes[1].reason == jobs::RevokeReason::TakenBack);
  for (const std::size_t newer : {2, 3}) {
    const jobs::RevokeRow& row = jobs::revoke_row(parsed->event.revokes[newer].reason);
    CHECK_FALSE(row.sweeps);
    CHECK_FALSE(row.keeps_finished);
  }
}

TEST_CASE("a refusing reply proves no lease, and its reason is safe to print") {
  wire::SchedulerReply reply = good_reply();
  reply.set_refused("the worker\x1b[31m is\nrevoked");
  const auto parsed = parse_reply(reply.SerializeAsString());
  REQUIRE(parsed.ok());
  CHECK_FALSE(parsed->event.lease_proof);
  CHECK(parsed->refused == "the worker is revoked");
}

TEST_CASE("a report says what runs, what is finished, what ended and what was published") {
  wire::FinishedTask finished;
  finished.mutable_attempt()->set_counter(17);
  finished.set_task(8);
  Report report;
  report.sequence = 6;
  Usage used{200'000, 3'000'000, 1'500'000, 40'000, 5'000'000, 1, 20, 4, 700'000'000, {}, {}, {}};
  const Usage numbers = used;
  used.batch_mates = {"7/1"};
  used.batch_sizes = {{1, 4}, {4, 20}};
  used.device_class = "cpu";
  report.running.push_back(
      {{{3, 77}, 18}, {JobId(5), 0}, {0, 4}, 1, {2, 14, 20, 4, 0, std::string(500, 'd'), {}}, true, used, {}});
  report.items.push_back(FinishedTask{{{3, 77}, 17}, {JobId(5), 0}, 8, 0, 250'000, finished.SerializeAsString()});
  report.items.push_back(EndedAttempt{
      {{3, 77}, 17}, jobs::Outcome::BadOutput, "frames.nan", "Not a number.", 1003, true, {8}, used, "tail"});
  std::get<EndedAttempt>(report.items.back()).storage_root = "plates";
  report.running.back().moves = 41;
  report.items.push_back(PublishedTasks{{{{3, 77}, 17}, {JobId(5), 0}, {0, 2}}});
  report.items.push_back(PublishFailure{{{{3, 77}, 17}, {JobId(5), 0}, {2, 1}}, "publish.missing", "gone"});
  report.items.push_back(DiscardedJob{JobId(4)});
  report.staged.push_back({{{3, 77}, 16}, {JobId(5), 1}, {2, 7}});
  wire::WorkerReport out;
  REQUIRE(out.ParseFromString(write_report(report, nullptr, {}, {9, {3, 77}, 12})));
  CHECK(out.sequence() == 6);
  CHECK(out.incarnation() == 9);
  CHECK(out.running(0).step() == 14);
  CHECK(out.running(0).detail().size() == wire::kDetailBytesMax);
  CHECK(out.running(0).attempt().counter() == 18);
  CHECK(out.running(0).tasks().count() == 4);
  CHECK(out.running(0).slot() == 1);
  CHECK(out.running(0).task() == 2);
  CHECK(out.running(0).steps() == 20);
  CHECK(out.running(0).batch() == 4);
  CHECK(out.running(0).model_warm());
  CHECK(out.running(0).moves() == 41);
  CHECK(out.ended(0).storage_root() == "plates");
  CHECK(usage_from_wire(out.running(0).usage()) == numbers);  // the rest of what has ended only: reports stay small
  CHECK(out.ended(0).attempt().counter() == 17);
  CHECK(out.ended(0).alone());
  CHECK(out.ended(0).failed_tasks(0) == 8);
  CHECK(usage_from_wire(out.ended(0).usage()) == used);
  CHECK(out.finished(0).task() == 8);
  CHECK(out.ended(0).outcome() == "bad_output");
  CHECK((out.ended(0).has_frame() && out.ended(0).frame() == 1003));
  CHECK(out.published(0).tasks().count() == 2);
  CHECK(out.publish_failed(0).code() == "publish.missing");
  CHECK(out.discarded_jobs(0) == 4);
  CHECK(out.staged(0).attempt().counter() == 16);
  CHECK(out.staged(0).phase() == 1);
  CHECK((out.staged(0).tasks_size() == 2 && out.staged(0).tasks(1) == 7));
  CHECK(out.acked_epoch() == 3);
  CHECK(out.acked_durable_sequence() == 12);
  CHECK_FALSE(out.draining());
  CHECK_FALSE(out.has_inventory());
  report.draining = true;
  REQUIRE(out.ParseFromString(write_report(report, nullptr, {}, {9, {3, 77}, 12})));
  CHECK(out.draining());
}

TEST_CASE("a task that reads 4,096 files with the longest paths fits into a message, as a grant and as a report") {
  wire::SchedulerReply reply = good_reply();
  wire::Grant& grant = *reply.mutable_grants(0);
  wire::FinishedTask finished;
  finished.mutable_attempt()->set_counter(17);
  for (std::int32_t i = 0; i < 4096; ++i) {
    wire::InputFile& input = *grant.add_inputs();
    input.set_root("main");
    input.set_path(std::string(1020, 'p') + std::to_string(1000 + i));
    input.set_size_bytes(UINT32_MAX);
    input.set_sha256(std::string(32, 'x'));
    input.set_frame(1001 + i);
    input.set_for_all_tasks(true);
    input.set_layer(std::string(64, 'l'));
    input.set_shot(std::string(64, 's'));
    *finished.add_read() = input;
  }
  CHECK(grant.ByteSizeLong() <= wire::kFarmItemBytesMax);
  const auto parsed = parse_reply(reply.SerializeAsString());
  REQUIRE(parsed.ok());
  CHECK(parsed->grants.begin()->second.inputs_size() == 4096);
  Report report;
  report.sequence = 6;
  report.items.push_back(FinishedTask{{{3, 77}, 17}, {JobId(5), 0}, 8, 1, 250'000, finished.SerializeAsString()});
  CHECK(write_report(report, nullptr, {}, {9, {3, 77}, 12}).size() <= wire::kFarmMessageBytesMax);
}

}  // namespace
}  // namespace framemill::worker
