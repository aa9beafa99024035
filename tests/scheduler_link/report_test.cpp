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
  inventory.add_devices()->set_kind("cpu");
  inventory.add_slots()->set_device(0);
  wire::FinishedTask& finished = *report.add_finished();
  finished.mutable_attempt()->set_counter(3);
  finished.set_job(1);
  wire::OutputFile& file = *finished.add_files();
  file.set_staged("0/a.exr");
  file.set_path("show/a.0001.exr");
  file.set_sha256(std::string(32, 'x'));
  wire::EndedAttempt& ended = *report.add_ended();
  ended.set_outcome("oom");
  for (std::uint32_t windows = 1; windows <= 100; ++windows) {
    wire::BatchSize& size = *ended.mutable_usage()->add_batch_sizes();
    size.set_windows(windows);
    size.set_calls(3 * windows);
    ended.mutable_usage()->add_batch_mates("13/\x1b" + std::to_string(windows));
  }
  ended.set_output_tail(std::string(40'000, 't') + "end");
  return report;
}

}  // namespace

TEST_CASE("a good report becomes an event with the key that was proved") {
  const auto event = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(event.ok());
  CHECK(event->key == kKey);
  CHECK(event->inventory->name == "w1");
  CHECK(event->finished.at(0).files.at(0).path == "show/a.0001.exr");
  CHECK(event->ended.at(0).outcome == jobs::Outcome::Oom);
}

TEST_CASE("lists of measured facts are cut to their bounds") {
  const auto event = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(event.ok());
  const scheduler::UsageTotals& usage = event->ended.at(0).usage;
  REQUIRE(usage.batch_sizes.size() == 64);
  CHECK(usage.batch_sizes[1].windows == 2);
  CHECK(usage.batch_sizes[1].calls == 6);
  REQUIRE(usage.batch_mates.size() == 16);
  CHECK(usage.batch_mates[0] == "13/ 1");
}

TEST_CASE("an output tail is cut to its end") {
  const auto event = parse_report(good_report().SerializeAsString(), kKey);
  REQUIRE(event.ok());
  CHECK(event->ended.at(0).output_tail.size() == wire::kOutputTailBytesMax);
  CHECK(event->ended.at(0).output_tail.ends_with("end"));
}

TEST_CASE("control characters of a worker do not reach logs and terminals") {
  wire::WorkerReport report = good_report();
  report.mutable_inventory()->set_name("w1\x1b[2J\n");
  const auto event = parse_report(report.SerializeAsString(), kKey);
  REQUIRE(event.ok());
  CHECK(event->inventory->name == "w1 [2J ");
}

TEST_CASE("a report is refused with the field that is wrong") {
  struct Case {
    const char* name;
    const char* code;
    const char* field;
    std::function<void(wire::WorkerReport&)> spoil;
  };
  const std::vector<Case> cases = {
      {"another protocol", "link.protocol", "protocol", [](auto& r) { r.set_protocol(99); }},
      {"no incarnation", "link.bad_report", "incarnation", [](auto& r) { r.set_incarnation(0); }},
      {"a slot of no device", "link.bad_report", "inventory.slots.device",
       [](auto& r) { r.mutable_inventory()->mutable_slots(0)->set_device(1); }},
      {"slots out of order", "link.bad_report", "inventory.slots.index",
       [](auto& r) { r.mutable_inventory()->mutable_slots(0)->set_index(5); }},
      {"an unknown kind of device", "link.bad_report", "inventory.devices.kind",
       [](auto& r) { r.mutable_inventory()->mutable_devices(0)->set_kind("tpu"); }},
      {"too many slots", "link.bad_report", "inventory.slots",
       [](auto& r) { for (int i = 0; i < 300; ++i) r.mutable_inventory()->add_slots()->set_index(i + 1); }},
      {"an absolute path", "link.bad_report", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("/etc/passwd"); }},
      {"a path that climbs", "link.bad_report", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("a/../../b"); }},
      {"a staged path that climbs", "link.bad_report", "finished.files.staged",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_staged(".."); }},
      {"a path with a line feed", "link.bad_report", "finished.files.path",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_path("a\nb"); }},
      {"a file without digest", "link.bad_report", "finished.files.sha256",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->clear_sha256(); }},
      {"a short digest", "link.bad_report", "finished.files.samples_sha256",
       [](auto& r) { r.mutable_finished(0)->mutable_files(0)->set_samples_sha256("abc"); }},
      {"an unknown outcome", "link.bad_report", "ended.outcome", [](auto& r) { r.mutable_ended(0)->set_outcome("fine"); }},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    wire::WorkerReport report = good_report();
    c.spoil(report);
    const auto event = parse_report(report.SerializeAsString(), kKey);
    REQUIRE_FALSE(event.ok());
    CHECK(event.error().code == c.code);
    CHECK(event.error().field == c.field);
  }
}

TEST_CASE("more files than a report may name are refused") {
  wire::WorkerReport report = good_report();
  const wire::OutputFile file = report.finished(0).files(0);
  for (int i = 0; i < wire::kFilesPerReportMax; ++i) *report.mutable_finished(0)->add_files() = file;
  const auto event = parse_report(report.SerializeAsString(), kKey);
  REQUIRE_FALSE(event.ok());
  CHECK(event.error().field == "finished.files");
}

TEST_CASE("bytes that are no report are refused, whatever they are") {
  std::mt19937 random(11);
  const std::string good = good_report().SerializeAsString();
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 1 + i % 6; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    const auto event = parse_report(bytes, kKey);  // no crash, and nothing hostile gets through
    if (!event.ok()) continue;
    for (const auto& finished : event->finished)
      for (const auto& file : finished.files) CHECK((!file.path.starts_with("/") && file.path.find("../") != 0));
  }
  CHECK_FALSE(parse_report(std::string(wire::kFarmMessageBytesMax + 1, 'a'), kKey).ok());
}
