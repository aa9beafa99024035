// The real loop in a real process over the real pipe, with a model whose arithmetic is known.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "tests/executor/executor_harness.h"
#include "tests/support/fake_engine.h"
#include "wire/executor_exit.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_attributes.h"

using namespace framemill;
using namespace framemill::tests;
namespace fs = std::filesystem;

TEST_CASE("windows become latents and latents become frames, with digests that the files bear out") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  CHECK(executor.configure(farm).device_class() == "fake threads=1");
  const auto denoised = executor.run(make_grant({.attempt = 1, .count = 3}), farm);
  CHECK(denoised.ended.outcome() == "ok");
  REQUIRE(denoised.finished.size() == 3);
  CHECK(denoised.finished[0].files(0).path() == ".framemill/latents/1/0/0.safetensors");
  CHECK(denoised.finished[0].files(0).kind() == wire::OutputFile::LATENTS);
  farm.publish(1, denoised.finished);

  auto grant = make_grant({.attempt = 2, .phase = 1, .count = 3, .decode = true, .frames = "1002-1010"});
  add_latents(grant, denoised.finished);
  const auto decoded = executor.run(grant, farm);
  CHECK(decoded.ended.outcome() == "ok");
  std::vector<int> frames;
  for (const auto& task : decoded.finished) {
    CHECK(task.duration_us() > 0);
    REQUIRE(task.read_size() == 1);
    CHECK(task.read(0).sha256() == denoised.finished[task.task()].files(0).sha256());
    for (const auto& file : task.files()) {
      frames.push_back(file.frame());
      const auto bytes = base::read_file(farm.staging(2) / file.staged(), 1 << 20).value();
      const auto digests = frames::digest_of_bytes(bytes).value();
      CHECK(bytes.size() == file.size_bytes());
      CHECK(raw(digests.bytes) == file.sha256());
      CHECK(raw(digests.samples) == file.samples_sha256());
      const auto attributes = frames::decode_frame(bytes).value().attributes;
      CHECK(frames::attribute(attributes, "frame") == std::to_string(file.frame()));
      CHECK(frames::attribute(attributes, "device_class") == "fake threads=1");
    }
    // The record by which a restarted worker delivers the task.
    wire::FinishedTask record;
    REQUIRE(record.ParseFromString(
        base::read_file(farm.staging(2) / (std::to_string(task.task()) + ".done"), 1 << 20).value()));
    CHECK(record.SerializeAsString() == task.SerializeAsString());
  }
  CHECK(frames == std::vector<int>{1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010});
}

TEST_CASE("a window's first frames are files while its others are decoded, and a half of a window is never delivered") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto denoised = executor.run(make_grant({.attempt = 1}), farm);
  farm.publish(1, denoised.finished);
  auto grant = make_grant({.attempt = 2, .phase = 1, .decode = true, .model = "hangs@1"});
  add_latents(grant, denoised.finished);
  executor.start(grant, farm);
  const auto frames_there = [&] {
    std::error_code none_yet;
    std::size_t count = 0;
    for (auto file = fs::directory_iterator(farm.staging(2) / "0", none_yet); file != fs::directory_iterator(); ++file)
      ++count;
    return count;
  };
  for (int i = 0; i < 3000 && frames_there() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(frames_there() == 2);
  CHECK_FALSE(fs::exists(farm.staging(2) / "0.done"));
}

TEST_CASE("frames have the size that the recipe names, and never share a batch with those of another size") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto sized = [](wire::Grant grant) {
    grant.mutable_recipe()->mutable_generate()->set_width(16);
    grant.mutable_recipe()->mutable_generate()->set_height(24);
    return grant;
  };
  executor.start(sized(make_grant({.attempt = 1, .job = 1, .prompt = "slow"})), farm);
  executor.start(make_grant({.attempt = 2, .job = 2, .prompt = "slow"}), farm);
  auto denoised = executor.run_to_end(2);
  CHECK(denoised[1].ended.usage().batch_max() == 1);
  REQUIRE(denoised[1].finished.size() == 1);
  farm.publish(1, denoised[1].finished);
  auto grant = sized(make_grant({.attempt = 3, .phase = 1, .decode = true}));
  add_latents(grant, denoised[1].finished);
  const auto decoded = executor.run(grant, farm);
  CHECK(decoded.ended.outcome() == "ok");
  REQUIRE(decoded.finished.size() == 1);
  REQUIRE(decoded.finished[0].files_size() > 0);
  const auto bytes = base::read_file(farm.staging(3) / decoded.finished[0].files(0).staged(), 1 << 20).value();
  const auto picture = frames::decode_frame(bytes).value().picture;
  CHECK(picture.width == 16);
  CHECK(picture.height == 24);
}

TEST_CASE("windows of two jobs share a batch, and the record says so") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  executor.start(make_grant({.attempt = 1, .job = 1, .count = 2, .prompt = "slow", .steps = 30}), farm);
  executor.start(make_grant({.attempt = 2, .job = 2, .count = 2, .prompt = "slow", .steps = 30}), farm);
  auto outcomes = executor.run_to_end(2);
  for (const std::uint64_t attempt : {1, 2}) {
    const wire::Usage& usage = outcomes[attempt].ended.usage();
    CHECK(outcomes[attempt].ended.outcome() == "ok");
    CHECK(outcomes[attempt].finished.size() == 2);
    CHECK(usage.batch_max() >= 3);
    CHECK(usage.batch_max() <= 4);
    CHECK(usage.steps() == 2 * 30);
    std::uint32_t calls = 0;
    for (const wire::BatchSize& size : usage.batch_sizes()) calls += size.calls();
    CHECK(calls == usage.steps());
    REQUIRE(usage.batch_sizes_size() > 0);
    CHECK(usage.batch_sizes(usage.batch_sizes_size() - 1).windows() == usage.batch_max());
    REQUIRE(usage.batch_mates_size() == 1);
    CHECK(usage.batch_mates(0) == (attempt == 1 ? "2/0" : "1/0"));
    CHECK(usage.device_class() == "fake threads=1");
    CHECK(usage.peak_bytes() >= 60);
  }
  // A step's time is divided over its windows: together they never exceed the wall.
  const auto compute = outcomes[1].ended.usage().compute_us() + outcomes[2].ended.usage().compute_us();
  CHECK(compute <= std::max(outcomes[1].ended.usage().wall_us(), outcomes[2].ended.usage().wall_us()));
  CHECK(outcomes[1].ended.usage().model_loads() == 1);
  CHECK(outcomes[2].ended.usage().model_loads() == 0);
}

TEST_CASE("exact work and work of another show never share a batch") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  executor.start(make_grant({.attempt = 1, .job = 1, .count = 3, .reproducibility = "exact"}), farm);
  executor.start(make_grant({.attempt = 2, .job = 2, .count = 3, .reproducibility = "exact"}), farm);
  executor.start(make_grant({.attempt = 3, .job = 3, .count = 3, .show = "desert"}), farm);
  executor.start(make_grant({.attempt = 4, .job = 4, .count = 3, .batch_max = 1}), farm);
  auto outcomes = executor.run_to_end(4);
  for (const auto& [attempt, outcome] : outcomes) {
    CHECK(outcome.ended.outcome() == "ok");
    CHECK(outcome.ended.usage().batch_mates_size() == 0);
    if (attempt != 3) CHECK(outcome.ended.usage().batch_max() == 1);
  }
}

TEST_CASE("windows of two models are never decoded in one batch") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  std::vector<wire::Grant> decodes;
  for (std::uint32_t job = 1; job <= 2; ++job) {
    GrantSpec spec{.attempt = job, .job = job, .count = 8};
    if (job == 2) spec.model = "big@1";
    const auto denoised = executor.run(make_grant(spec), farm);
    REQUIRE(denoised.ended.outcome() == "ok");
    farm.publish(spec.attempt, denoised.finished);
    spec.attempt = job + 10;
    spec.phase = 1;
    spec.decode = true;
    decodes.push_back(make_grant(spec));
    add_latents(decodes.back(), denoised.finished);
  }
  // Its slow steps take turns with the decoding: windows of both models wait at one time.
  executor.start(make_grant({.attempt = 20, .job = 3, .prompt = "slow", .steps = 30}), farm);
  for (const wire::Grant& grant : decodes) executor.start(grant, farm);
  auto outcomes = executor.run_to_end(3);
  for (const std::uint64_t attempt : {11, 12}) {
    CHECK(outcomes[attempt].ended.outcome() == "ok");
    CHECK(outcomes[attempt].finished.size() == 8);
    CHECK(outcomes[attempt].ended.usage().batch_mates_size() == 0);
  }
}

namespace {

// A chain of five windows cut into chunks, each on an executor of its own or all on one.
std::map<std::string, std::string> chain_in_chunks(const FarmDirectory& farm, std::uint32_t chunk, bool new_process) {
  std::map<std::string, std::string> samples;
  std::unique_ptr<ExecutorProcess> executor;
  wire::FinishedTask before;
  for (std::uint32_t first = 0; first < 5; first += chunk) {
    if (!executor || new_process) {
      executor = std::make_unique<ExecutorProcess>();
      executor->configure(farm);
    }
    GrantSpec spec{.attempt = first + 1, .first = first, .count = std::min(chunk, 5 - first), .chain = true};
    spec.reproducibility = "exact";
    auto grant = make_grant(spec);
    if (first > 0) add_context(grant, before, first);
    const auto outcome = executor->run(grant, farm);
    REQUIRE(outcome.ended.outcome() == "ok");
    REQUIRE(outcome.finished.size() == spec.count);
    farm.publish(spec.attempt, outcome.finished);
    before = outcome.finished.back();
    for (const auto& [path, digest] : samples_of(outcome.finished)) samples[path] = digest;
  }
  return samples;
}

}  // namespace

TEST_CASE("a chain has the same pixels however it is cut and wherever its windows run") {
  const FarmDirectory whole;
  const auto expected = chain_in_chunks(whole, 5, false);
  CHECK(expected.size() == 5);
  for (const std::uint32_t chunk : {1u, 2u}) {
    for (const bool new_process : {false, true}) {
      const FarmDirectory farm;
      CHECK(chain_in_chunks(farm, chunk, new_process) == expected);
    }
  }
}

TEST_CASE("independent windows have the same pixels in chunks of 1, 2 and 5") {
  const FarmDirectory whole;
  ExecutorProcess executor;
  executor.configure(whole);
  const auto expected = samples_of(executor.run(make_grant({.attempt = 1, .count = 5}), whole).finished);
  for (const std::uint32_t chunk : {1u, 2u}) {
    std::map<std::string, std::string> samples;
    for (std::uint32_t first = 0; first < 5; first += chunk) {
      const GrantSpec spec{.attempt = 100 * chunk + first, .first = first, .count = std::min(chunk, 5 - first)};
      for (const auto& [path, digest] : samples_of(executor.run(make_grant(spec), whole).finished))
        samples[path] = digest;
    }
    CHECK(samples == expected);
  }
}

TEST_CASE("a chain starts from the last frames of another layer") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto latents = executor.run(make_grant({.attempt = 1, .seed = 3}), farm).finished;
  farm.publish(1, latents);
  auto boards = make_grant({.attempt = 2, .phase = 1, .decode = true});
  add_latents(boards, latents);
  const auto frames = executor.run(boards, farm).finished;
  farm.publish(2, frames);

  auto grant = make_grant({.attempt = 3, .phase = 2, .chain = true, .has_input = true});
  add_context(grant, frames.at(0), 0);
  const auto from_board = executor.run(grant, farm);
  CHECK(from_board.ended.outcome() == "ok");
  REQUIRE(from_board.finished.size() == 1);
  REQUIRE(from_board.finished[0].read_size() == kFakeContextFrames);
  CHECK(from_board.finished[0].read(0).frame() == 1004);  // the last of them
  const auto alone = executor.run(make_grant({.attempt = 4, .phase = 3, .chain = true}), farm);
  CHECK(from_board.finished[0].files(0).samples_sha256() != alone.finished.at(0).files(0).samples_sha256());

  auto without = make_grant({.attempt = 5, .phase = 2, .chain = true, .has_input = true});
  CHECK(executor.run(without, farm).ended.code() == "recipe.context");
}

TEST_CASE("a cancelled attempt stops at a step boundary and the others go on") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto doomed = make_grant({.attempt = 1, .job = 1, .count = 3, .prompt = "slow", .steps = 1000});
  executor.start(doomed, farm);
  executor.start(make_grant({.attempt = 2, .job = 2, .prompt = "slow", .steps = 20}), farm);
  std::uint64_t told_us = 0;  // what it has used is told on the way, for the case that the executor dies
  wire::AttemptProgress said;
  while (told_us == 0 || said.steps() == 0) {
    const auto message = executor.receive(true);
    if (!message.has_progress() || message.progress().attempt().counter() != 1) continue;
    said = message.progress();
    told_us = said.usage().compute_us();
  }
  CHECK(said.steps() == 1000);
  CHECK(said.batch() >= 1);
  CHECK(said.batch() <= 4);  // its own three windows and that of the other attempt
  executor.cancel(doomed);
  auto outcomes = executor.run_to_end(2);
  CHECK(outcomes[1].ended.outcome() == "revoked");
  CHECK(outcomes[1].finished.empty());
  CHECK(outcomes[1].ended.usage().steps() < 1000);
  CHECK(outcomes[1].ended.usage().lost_us() >= told_us);  // of windows that were thrown away
  CHECK(outcomes[1].ended.usage().compute_us() == 0);
  CHECK(outcomes[2].ended.outcome() == "ok");
  CHECK(outcomes[2].finished.size() == 1);
  CHECK(outcomes[2].ended.usage().lost_us() == 0);
}

TEST_CASE("an attempt whose tail is taken back ends with what it keeps") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto grant = make_grant({.attempt = 1, .count = 40, .prompt = "slow", .batch_max = 1, .steps = 3});
  executor.start(grant, farm);
  wire::ToExecutor message;
  *message.mutable_cancel()->mutable_attempt() = grant.attempt();
  *message.mutable_cancel()->mutable_keep() = grant.tasks();
  message.mutable_cancel()->mutable_keep()->set_count(2);
  executor.send(message);
  const auto outcome = executor.run_to_end(1).at(1);
  CHECK(outcome.ended.outcome() == "ok");
  CHECK(outcome.finished.size() == 2);
}

TEST_CASE("an executor that is asked to end finishes the windows in flight and gives the rest back") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  executor.start(make_grant({.attempt = 1, .count = 8, .prompt = "slow", .batch_max = 2, .steps = 5}), farm);
  while (!executor.receive(true).has_progress()) {
  }
  wire::ToExecutor finish;
  finish.set_finish(true);
  executor.send(finish);
  const auto outcome = executor.run_to_end(1).at(1);
  CHECK(outcome.ended.outcome() == "revoked");
  CHECK(outcome.finished.size() >= 1);
  CHECK(outcome.finished.size() < 8);
  const int status = executor.wait_status();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == wire::kExitFinished);
}

TEST_CASE("inputs that are not what was promised are refused after a while, uncharged") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto denoised = executor.run(make_grant({.attempt = 1}), farm);
  farm.publish(1, denoised.finished);
  auto grant = make_grant({.attempt = 2, .phase = 1, .decode = true});
  add_latents(grant, denoised.finished);
  const auto path = farm.root / grant.inputs(0).path();
  auto bytes = base::read_file(path, 1 << 20).value();
  bytes.back() ^= 1;
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = executor.run(grant, farm);
  CHECK(outcome.ended.outcome() == "input_not_visible");
  CHECK(std::chrono::steady_clock::now() - start > std::chrono::seconds(4));
  CHECK(outcome.finished.empty());
  CHECK(outcome.ended.failed_tasks_size() == 1);
}

TEST_CASE("an input that becomes visible a little late is found") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto denoised = executor.run(make_grant({.attempt = 1}), farm);
  auto grant = make_grant({.attempt = 2, .phase = 1, .decode = true});
  add_latents(grant, denoised.finished);
  executor.start(grant, farm);
  ::usleep(600'000);
  farm.publish(1, denoised.finished);
  CHECK(executor.run_to_end(1).at(2).ended.outcome() == "ok");
}
