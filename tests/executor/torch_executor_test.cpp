// The shipped program with LibTorch and the demo model: promise P4, through files and processes.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/file.h"
#include "models/package.h"
#include "models/safetensors.h"
#include "tests/executor/executor_harness.h"
#include "worker/frames/frame_file.h"

using namespace framemill;
using namespace framemill::tests;
namespace fs = std::filesystem;

namespace {

const std::string kModels = FRAMEMILL_SOURCE_DIR "/models";
constexpr const char* kModel = "demo-clips@1";

std::unique_ptr<ExecutorProcess> executor_on(const FarmDirectory& farm, const std::string& models = kModels,
                                             std::uint64_t memory_bytes_budget = 0) {
  auto executor = std::make_unique<ExecutorProcess>("framemill-executor");
  executor->configure(farm, memory_bytes_budget, {models});
  return executor;
}

// A grant for the demo model: few steps, its own window and context.
wire::Grant demo_grant(GrantSpec spec, const std::string& models = kModels) {
  spec.model = kModel;
  spec.steps = 2;
  spec.prompt = "sea at dusk, red boat moving left";
  auto grant = make_grant(spec);
  const auto package = models::open_package(fs::path(models) / kModel);
  REQUIRE(package.ok());
  auto& grid = *grant.mutable_recipe()->mutable_grid();
  grid.set_window_frames(package->manifest.window_frames);
  grid.set_context_frames(spec.chain ? package->manifest.context_frames : 0);
  grant.mutable_recipe()->mutable_generate()->set_model_digest(raw(package->root_digest));
  return grant;
}

// Denoises five windows in chunks and returns the finished tasks; each chunk on a new process where asked.
std::vector<wire::FinishedTask> denoised(const FarmDirectory& farm, GrantSpec spec, std::uint32_t chunk,
                                         bool new_process) {
  std::vector<wire::FinishedTask> tasks;
  std::unique_ptr<ExecutorProcess> executor;
  for (std::uint32_t first = 0; first < 5; first += chunk) {
    if (!executor || new_process) executor = executor_on(farm);
    spec.attempt = first + 1;
    spec.first = first;
    spec.count = std::min(chunk, 5 - first);
    auto grant = demo_grant(spec);
    if (spec.chain && first > 0) add_context(grant, tasks.back(), first);
    const auto outcome = executor->run(grant, farm);
    INFO(outcome.ended.code() << " " << outcome.ended.message());
    REQUIRE(outcome.ended.outcome() == "ok");
    farm.publish(spec.attempt, outcome.finished);
    tasks.insert(tasks.end(), outcome.finished.begin(), outcome.finished.end());
  }
  return tasks;
}

std::vector<wire::FinishedTask> decoded(const FarmDirectory& farm, GrantSpec spec,
                                        const std::vector<wire::FinishedTask>& latents) {
  spec.attempt = 100;
  spec.phase = 1;
  spec.first = 0;
  spec.count = static_cast<std::uint32_t>(latents.size());
  spec.decode = true;
  spec.frames = "1001-1080";
  spec.chain = false;
  spec.format = "png";
  auto grant = demo_grant(spec);
  add_latents(grant, latents);
  const auto outcome = executor_on(farm)->run(grant, farm);
  INFO(outcome.ended.code() << " " << outcome.ended.message());
  REQUIRE(outcome.ended.outcome() == "ok");
  return outcome.finished;
}

}  // namespace

TEST_CASE("at exact a chain of the demo model has the same digests in chunks of 1, 2 and 5, here or elsewhere") {
  const FarmDirectory whole;
  const GrantSpec spec{.chain = true, .reproducibility = "exact"};
  const auto tasks = denoised(whole, spec, 5, false);
  const auto expected = samples_of(tasks);
  CHECK(expected.size() == 5);
  for (const auto& task : tasks) CHECK(task.files(0).samples_sha256().size() == 32);
  for (const std::uint32_t chunk : {1u, 2u}) {
    const FarmDirectory farm;
    CHECK(samples_of(denoised(farm, spec, chunk, true)) == expected);
  }
  const FarmDirectory warm;
  CHECK(samples_of(denoised(warm, spec, 1, false)) == expected);
}

TEST_CASE("at exact independent windows and their frames have the same bytes in chunks of 1, 2 and 5") {
  std::map<std::string, std::string> expected, bytes;
  for (const std::uint32_t chunk : {5u, 2u, 1u}) {
    const FarmDirectory farm;
    GrantSpec spec;
    spec.reproducibility = "exact";
    const auto frames = decoded(farm, spec, denoised(farm, spec, chunk, false));
    auto samples = samples_of(frames);
    CHECK(samples.size() == 80);
    if (expected.empty()) expected = samples;
    CHECK(samples == expected);
    for (const auto& task : frames) {
      for (const auto& file : task.files()) {
        const auto [known, is_new] = bytes.emplace(file.path(), file.sha256());
        CHECK(known->second == file.sha256());
      }
    }
  }
}

TEST_CASE("at stable any batch mates change an 8-bit pixel by one at most") {
  const FarmDirectory alone_farm, batch_farm;
  GrantSpec exact, stable;
  exact.reproducibility = "exact";
  stable.batch_max = 5;
  const auto alone = decoded(alone_farm, exact, denoised(alone_farm, exact, 5, false));
  const auto batched = decoded(batch_farm, stable, denoised(batch_farm, stable, 5, false));
  REQUIRE(alone.size() == batched.size());
  std::map<std::string, std::string> staged;
  for (const auto& task : batched)
    for (const auto& file : task.files()) staged[file.path()] = file.staged();
  int most = 0;
  for (const auto& task : alone) {
    for (const auto& file : task.files()) {
      const auto a = frames::stored_samples(base::read_file(alone_farm.staging(100) / file.staged(), 1 << 20).value());
      const auto b =
          frames::stored_samples(base::read_file(batch_farm.staging(100) / staged.at(file.path()), 1 << 20).value());
      REQUIRE(a->bytes.size() == b->bytes.size());
      for (std::size_t i = 0; i < a->bytes.size(); ++i)
        most =
            std::max(most, std::abs(static_cast<unsigned char>(a->bytes[i]) - static_cast<unsigned char>(b->bytes[i])));
    }
  }
  CHECK(most <= 1);
}

TEST_CASE("a batch of the demo model holds windows of two jobs") {
  const FarmDirectory farm;
  const auto executor = executor_on(farm);
  GrantSpec one{.attempt = 1, .job = 1, .count = 1, .seed = 1}, two{.attempt = 2, .job = 2, .count = 1, .seed = 2};
  auto first = demo_grant(one), second = demo_grant(two);
  first.mutable_recipe()->mutable_generate()->set_steps(40);
  second.mutable_recipe()->mutable_generate()->set_steps(40);
  executor->start(first, farm);
  executor->start(second, farm);
  const auto outcomes = executor->run_to_end(2);
  for (const auto& [attempt, outcome] : outcomes) {
    CHECK(outcome.ended.outcome() == "ok");
    CHECK(outcome.ended.usage().batch_max() == 2);
    CHECK(outcome.ended.usage().batch_mates_size() == 1);
    CHECK(outcome.ended.usage().peak_bytes() > 0);
  }
  CHECK(outcomes.at(1).ended.usage().model_loads() == 1);
  CHECK(outcomes.at(2).ended.usage().model_loads() == 0);
}

TEST_CASE("a package whose weights are not numbers is refused, and so is one that was changed") {
  const FarmDirectory farm;
  const fs::path models = farm.path / "models", package = models / kModel;
  fs::create_directories(models);
  fs::copy(fs::path(kModels) / kModel, package);
  const auto good = models::open_package(package).value();
  const std::string weights = base::read_file(package / "weights.safetensors", 64 << 20).value();
  const auto file = models::SafetensorsFile::parse(weights).value();
  models::SafetensorsWriter spoilt;
  for (const auto& [name, tensor] : file.tensors()) {
    std::string bytes(tensor.bytes);
    if (name.starts_with("transformer.")) std::memset(bytes.data(), 0xff, bytes.size());  // NaN in every float format
    spoilt.add(name, tensor.dtype, tensor.shape, std::move(bytes));
  }
  for (const auto& [key, value] : file.metadata()) spoilt.set_metadata(key, value);
  std::ofstream(package / "weights.safetensors", std::ios::binary | std::ios::trunc) << spoilt.bytes();

  GrantSpec spec;
  {  // the manifest still tells of the good weights: they were damaged here, and another host has them whole
    auto grant = demo_grant(spec, kModels);
    const auto outcome = executor_on(farm, models)->run(grant, farm);
    CHECK(outcome.ended.outcome() == "not_admitted");
    CHECK(outcome.ended.code() == "model.digest_mismatch");
    CHECK(outcome.finished.empty());
  }
  std::string manifest = base::read_file(package / "model.toml", 1 << 20).value();
  const auto* entry = good.manifest.file(models::FileRole::Weights);
  const auto replace = [&](const std::string& from, const std::string& to) {
    REQUIRE(manifest.find(from) != std::string::npos);
    manifest.replace(manifest.find(from), from.size(), to);
  };
  replace(entry->sha256.hex(), base::sha256(spoilt.bytes()).hex());
  replace("size_bytes = " + std::to_string(entry->size_bytes), "size_bytes = " + std::to_string(spoilt.bytes().size()));
  std::ofstream(package / "model.toml", std::ios::trunc) << manifest;
  spec.attempt = 2;
  const auto outcome = executor_on(farm, models)->run(demo_grant(spec, models), farm);
  INFO(outcome.ended.message());
  CHECK(outcome.ended.outcome() == "failed");
  CHECK(outcome.ended.code() == "model.weights");
  CHECK(outcome.ended.message().find("not a number") != std::string::npos);
  CHECK(outcome.finished.empty());
}

TEST_CASE("a budget that the model does not fit is reported, and nothing is killed") {
  const FarmDirectory farm;
  const auto executor = executor_on(farm, kModels, 10 << 20);
  CHECK(executor->run(demo_grant({.attempt = 1}), farm).ended.outcome() == "not_admitted");
}

TEST_CASE("a prompt outside the vocabulary fails with the word") {
  const FarmDirectory farm;
  auto grant = demo_grant({.attempt = 1});
  grant.mutable_recipe()->mutable_generate()->set_prompt("a zeppelin");
  const auto outcome = executor_on(farm)->run(grant, farm);
  CHECK(outcome.ended.outcome() == "failed");
  CHECK(outcome.ended.code() == "prompt.unknown_word");
  CHECK(outcome.ended.message().find("zeppelin") != std::string::npos);
}

TEST_CASE("the self-test reports speed, device class and the package's digest") {
  const std::string command =
      std::string(FRAMEMILL_BIN_DIR) + "/framemill-executor self-test " + kModels + "/" + kModel;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output(4096, '\0');
  output.resize(std::fread(output.data(), 1, output.size(), pipe));
  CHECK(::pclose(pipe) == 0);
  CHECK(output.find("gflops ") == 0);
  CHECK(output.find("\ndevice_class cpu ") != std::string::npos);
  CHECK(output.find("\npackage demo-clips@1\n") != std::string::npos);
}
