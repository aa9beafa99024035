// Messages of protocol 1 as bytes on disk: what was written once must be read for ever, and equal values must give equal
// bytes (recipe digests depend on it).
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"
#include "wire/executor.pb.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

using namespace framemill;

namespace {

wire::WorkerReport first_report() {
  wire::WorkerReport report;
  report.set_protocol(1);
  report.set_incarnation(0x1122334455667788);
  report.set_sequence(1);
  wire::Inventory& inventory = *report.mutable_inventory();
  inventory.set_name("w1");
  inventory.set_version("0.1.0");
  inventory.set_media(true);
  wire::Device& device = *inventory.add_devices();
  device.set_id("cpu0");
  device.set_kind("cpu");
  device.set_memory_bytes_total(4ull << 30);
  device.set_memory_bytes_budget(2ull << 30);
  device.set_cpus(1);
  wire::Slot& slot = *inventory.add_slots();
  slot.set_name("cpu0");
  slot.set_usable(true);
  slot.add_loaded_models(std::string(32, '\x5a'));
  wire::Root& root = *inventory.add_roots();
  root.set_name("main");
  root.set_usable(true);
  wire::FinishedTask& finished = *report.add_finished();
  finished.mutable_attempt()->set_epoch(3);
  finished.mutable_attempt()->set_epoch_nonce(0xf1e2d3c4b5a69788);
  finished.mutable_attempt()->set_counter(17);
  finished.set_job(12);
  finished.set_phase(1);
  finished.set_task(4);
  wire::OutputFile& file = *finished.add_files();
  file.set_staged("4/hb_0010.1001.exr");
  file.set_path("harbor/hb/hb_0010/comp/v001/hb_0010_comp_t00_v001.1001.exr");
  file.set_size_bytes(20481);
  file.set_sha256(std::string(32, '\x11'));
  file.set_samples_sha256(std::string(32, '\x22'));
  file.set_frame(-7);
  return report;
}

wire::SchedulerReply grant_reply() {
  wire::SchedulerReply reply;
  reply.set_protocol(1);
  reply.set_epoch(3);
  reply.set_epoch_nonce(0xf1e2d3c4b5a69788);
  reply.set_durable_sequence(99);
  reply.set_acked_report(5);
  wire::Grant& grant = *reply.add_grants();
  grant.mutable_attempt()->set_counter(18);
  grant.mutable_tasks()->set_job(12);
  grant.mutable_tasks()->set_count(3);
  grant.set_lease_ttl_ms(120000);
  grant.set_batch_max(8);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show("harbor");
  recipe.set_shot("hb_0010");
  recipe.set_seed(7);
  recipe.set_reproducibility("exact");
  recipe.set_frames("993-1104");
  recipe.mutable_grid()->set_origin(993);
  recipe.mutable_grid()->set_window_frames(16);
  recipe.mutable_generate()->set_model("demo-clips@1");
  recipe.mutable_generate()->set_prompt("snowy hills at dusk");
  recipe.mutable_generate()->set_guidance(1.5);
  wire::InputFile& input = *grant.add_inputs();
  input.set_role(wire::InputFile::CONTEXT);
  input.set_root("main");
  input.set_path(".framemill/latents/12/0/3.safetensors");
  reply.set_next_report_ms(1000);
  return reply;
}

wire::FromExecutor executor_ready() {
  wire::FromExecutor message;
  message.mutable_ready()->set_device_class("cpu avx512 torch-2.11.0 fp32 threads=1");
  message.mutable_ready()->set_self_test_gflops(120);
  return message;
}

// FRAMEMILL_WRITE_GOLDEN=1 writes missing files; existing ones are never changed by a test.
template <class Message>
void check_golden(const std::string& name, const Message& message) {
  const std::filesystem::path path = std::filesystem::path(FRAMEMILL_SOURCE_DIR) / "tests/wire/golden" / name;
  if (std::getenv("FRAMEMILL_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(path))
    REQUIRE(base::write_file_durably(path, message.SerializeAsString()).ok());
  const auto bytes = base::read_file(path, wire::kFarmMessageBytesMax);
  REQUIRE(bytes.ok());
  CHECK(message.SerializeAsString() == *bytes);
  Message read;
  REQUIRE(read.ParseFromString(*bytes));
  CHECK(read.SerializeAsString() == *bytes);
}

}  // namespace

TEST_CASE("a report of protocol 1 is read and written as it was") {
  check_golden("worker_report.bin", first_report());
}
TEST_CASE("a reply of protocol 1 is read and written as it was") {
  check_golden("scheduler_reply.bin", grant_reply());
}
TEST_CASE("an executor's message of protocol 1 is read and written as it was") {
  check_golden("executor_ready.bin", executor_ready());
}
TEST_CASE("fields of a later version are passed over") {
  std::string bytes = first_report().SerializeAsString();
  bytes += "\xfa\x7d\x03new";  // field 2015, length-delimited
  wire::WorkerReport report;
  REQUIRE(report.ParseFromString(bytes));
  CHECK(report.sequence() == 1);
  CHECK(report.finished(0).files(0).frame() == -7);
}
