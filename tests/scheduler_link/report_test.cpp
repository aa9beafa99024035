#include "scheduler/link/report.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "wire/farm.pb.h"
#include "wire/limits.h"

using namespace framemill;
using scheduler::parse_report;

namespace {

const std::string kKey(40, 'k');

wire::WorkerReport good_report() {
  wire::WorkerReport report;
  report.set_protocol(wire::kProtocolVersion);
  report.set_incarnation(7);
  report.set_sequence(1);
  wire::Inventory& inventory = *report.mutable_inventory();
  inventory.set_name("w1");
  inventory.set_command_confinement(wire::COMMAND_CONFINEMENT_REFUSED);
  inventory.add_devices()->set_kind("cpu");
  inventory.add_slots()->set_device(0);
  wire::FinishedTask& finished = *report.add_finished();
  finished.mutable_attempt()->set_counter(3);
  finished.set_job(1);
  wire::OddFrame& odd = *finished.add_odd();
  odd.set_frame(1001);
  odd.set_message("it is small\x1b[2J\xff");
  wire::OutputFile& file = *finished.add_files();
  file.set_staged("0/a.exr");
  file.set_path("show/a.0001.exr");
  file.set_sha256(std::string(32, 'x'));
  report.add_running()->set_moves(41);
  wire::StagedAttempt& staged = *report.add_staged();
  staged.mutable_attempt()->set_counter(2);
  staged.set_job(1);
  staged.add_tasks(6);
  wire::EndedAttempt& ended = *report.add_ended();
  ended.set_outcome("oom");
  for (std::uint32_t windows = 1; windows <= 100; ++windows) {
    wire::BatchSize& size = *ended.mutable_usage()->add_batch_sizes();
    size.set_windows(windows);
    size.set_calls(3 * windows);
    ended.mutable_usage()->add_batch_mates("13/\x1b" + std::to_string(windows));
  }
  ended.set_output_tail(std::string(40'000, 't').append("end"));
  return report;
}

}  // namespace

TEST_CASE("a good report becomes an event with the key that was proved") {
  const auto report = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(report.ok());
  CHECK(report->event.key == kKey);
  CHECK(report->event.inventory->name == "w1");
  CHECK(report->event.inventory->command_confinement == jobs::CommandConfinement::Refused);
  CHECK(report->event.finished.at(0).files.at(0).path == "show/a.0001.exr");
  CHECK(report->event.staged.at(0).attempt.counter == 2);
  CHECK(report->event.staged.at(0).tasks == std::vector<jobs::TaskIndex>{6});
  REQUIRE(report->event.finished.at(0).odd.size() == 1);
  CHECK(report->event.finished.at(0).odd.at(0).first == 1001);
  CHECK(report->event.finished.at(0).odd.at(0).second == "it is small\ufffd");
  CHECK(report->event.ended.at(0).outcome == jobs::Outcome::Oom);
  CHECK(report->event.running.at(0).moves == 41);
}

TEST_CASE("lists of measured facts are cut to their bounds") {
  const auto report = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(report.ok());
  const scheduler::UsageTotals& usage = report->event.ended.at(0).usage;
  REQUIRE(usage.batch_sizes.size() == 64);
  CHECK(usage.batch_sizes[1].windows == 2);
  CHECK(usage.batch_sizes[1].calls == 6);
  REQUIRE(usage.batch_mates.size() == 16);
  CHECK(usage.batch_mates[0] == "13/ 1");
}

TEST_CASE("an output tail is cut to its end") {
  const auto report = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(report.ok());
  CHECK(report->event.ended.at(0).output_tail.size() == wire::kOutputTailBytesMax);
  CHECK(report->event.ended.at(0).output_tail.ends_with("end"));
}

TEST_CASE("control characters of a worker do not reach logs and terminals") {
  wire::WorkerReport wire_report = good_report();
  wire_report.mutable_inventory()->set_name("w1\x1b[2J\n");
  const auto report = parse_report(wire_report.SerializeAsString(), kKey);
  REQUIRE(report.ok());
  CHECK(report->event.inventory->name == "w1 ");
}

TEST_CASE("a report of another version or without its numbers is refused whole") {
  wire::WorkerReport wire_report = good_report();
  wire_report.set_protocol(99);
  CHECK(parse_report(wire_report.SerializeAsString(), kKey).error().code == "link.protocol");
  wire_report = good_report();
  wire_report.set_incarnation(0);
  CHECK(parse_report(wire_report.SerializeAsString(), kKey).error().field == "incarnation");
}

TEST_CASE("a part of a report that makes no sense costs that part, and a bad result ends its attempt") {
  struct Case {
    const char* name;
    const char* field;
    std::function<void(wire::WorkerReport&)> spoil;
  };
  const std::vector<Case> cases = {
      {"a slot of no device", "inventory.slots.device",
       [](auto& r) { r.mutable_inventory()->mutable_slots(0)->set_device(1); }},
      {"slots out of order", "inventory.slots.index",
       [](auto& r) { r.mutable_inventory()->mutable_slots(0)->set_index(5); }},
      {"an unknown kind of device", "inventory.devices.kind",
       [](auto& r) { r.mutable_inventory()->mutable_devices(0)->set_kind("tpu"); }},
      {"too many slots", "inventory.slots",
       [](auto& r) {
         for (int i = 0; i < 300; ++i) r.mutable_inventory()->add_slots()->set_index(i + 1);
       }},
      {"an absolute path", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("/etc/passwd"); }},
      {"a path that climbs", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("a/../../b"); }},
      {"a staged path that climbs", "finished.files.staged",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_staged(".."); }},
      {"a path with a line feed", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("a\nb"); }},
      {"a file without digest", "finished.files.sha256",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->clear_sha256(); }},
      {"a short digest", "finished.files.samples_sha256",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_samples_sha256("abc"); }},
      {"an unknown outcome", "ended.outcome", [](auto& r) { r.mutable_ended(0)->set_outcome("fine"); }},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    wire::WorkerReport wire_report = good_report();
    wire::FinishedTask& good = *wire_report.add_finished();
    good = wire_report.finished(0);
    good.mutable_attempt()->set_counter(4);
    c.spoil(wire_report);
    const auto report = parse_report(wire_report.SerializeAsString(), kKey);
    REQUIRE(report.ok());
    REQUIRE(report->refused.size() == 1);
    CHECK(report->refused[0].code == "link.bad_report");
    CHECK(report->refused[0].field == c.field);
    REQUIRE_FALSE(report->event.finished.empty());
    CHECK(report->event.finished.back().attempt.counter == 4);  // the other task's result is taken
    const std::string_view field = c.field;
    CHECK(report->event.inventory.has_value() == !field.starts_with("inventory"));
    if (!field.starts_with("finished")) continue;
    CHECK(report->event.ended.at(0).attempt.counter == 3);
    CHECK(report->event.ended.at(0).outcome == jobs::Outcome::BadOutput);
    CHECK(report->event.ended.at(0).message.find(c.field) != std::string::npos);
  }
}

TEST_CASE("a text that is not UTF-8 costs nothing but its bad bytes") {
  wire::WorkerReport wire_report = good_report();
  wire_report.mutable_inventory()->set_name("caf\xe9");
  wire_report.mutable_ended(0)->set_message(
      "invalid attribute \"Besch\xe4"
      "digt\"");
  wire_report.mutable_ended(0)->set_output_tail("\xe2\x82");
  const auto report = parse_report(wire_report.SerializeAsString(), kKey);
  REQUIRE(report.ok());
  CHECK(report->refused.empty());
  CHECK(report->event.inventory->name == "caf\uFFFD");
  CHECK(report->event.ended.at(0).message == "invalid attribute \"Besch\uFFFDdigt\"");
  CHECK(report->event.ended.at(0).output_tail == "\uFFFD\uFFFD");
}

TEST_CASE("a task with more files than a report may name is not taken") {
  wire::WorkerReport wire_report = good_report();
  const wire::OutputFile file = wire_report.finished(0).files(0);
  for (int i = 0; i < wire::kFilesPerReportMax; ++i) *wire_report.mutable_finished(0)->add_files() = file;
  const auto report = parse_report(wire_report.SerializeAsString(), kKey);
  REQUIRE(report.ok());
  CHECK(report->refused.at(0).field == "finished.files");
  CHECK(report->event.finished.empty());
}

TEST_CASE("a report with more entries than any worker can have is refused whole") {
  struct Case {
    const char* field;
    int most;
    std::function<void(wire::WorkerReport&)> add;
  };
  const std::vector<Case> cases = {
      {"running", 4096, [](auto& r) { r.add_running(); }},
      {"ended", 1024, [](auto& r) { r.add_ended(); }},
      {"published", 4096, [](auto& r) { r.add_published(); }},
      {"published", 4096, [](auto& r) { r.add_publish_failed(); }},
      {"manifests", 1024, [](auto& r) { r.add_manifests(); }},
      {"publishing", 4096, [](auto& r) { r.add_publishing(); }},
      {"looked_for", 4096, [](auto& r) { r.add_looked_for(); }},
  };
  for (const Case& c : cases) {
    INFO(c.field);
    wire::WorkerReport report;
    report.set_protocol(wire::kProtocolVersion);
    report.set_incarnation(1);
    report.set_sequence(1);
    for (int i = 0; i < c.most; ++i) c.add(report);
    CHECK(parse_report(report.SerializeAsString(), kKey).ok());
    c.add(report);
    const auto parsed = parse_report(report.SerializeAsString(), kKey);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().field == c.field);
  }
}

TEST_CASE("bytes that are no report are refused, whatever they are") {
  std::mt19937 random(11);
  const std::string good = good_report().SerializeAsString();
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 1 + i % 6; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    const auto report = parse_report(bytes, kKey);  // no crash, and nothing hostile gets through
    if (!report.ok()) continue;
    for (const auto& finished : report->event.finished)
      for (const auto& file : finished.files) CHECK((!file.path.starts_with("/") && file.path.find("../") != 0));
  }
  CHECK_FALSE(parse_report(std::string(wire::kFarmMessageBytesMax + 1, 'a'), kKey).ok());
}
