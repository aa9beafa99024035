#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "gpu/torch/autoencoder.h"
#include "gpu/torch/transformer.h"
#include "models/safetensors.h"
#include "training/checkpoint.h"
#include "training/phases.h"
#include "training/score/curve.h"
#include "training/seal.h"
#include "training/shares.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::train {
namespace {

namespace fs = std::filesystem;

class TemporaryDirectory {
 public:
  TemporaryDirectory()
      : path_(fs::temp_directory_path() /
              ("framemill-train-" + std::to_string(getpid()) + "-" + std::to_string(base::random_u64()))) {
    fs::create_directories(path_);
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

models::NetworkShape tiny_shape() {
  models::NetworkShape shape;
  shape.latent_channels = 4;
  shape.encoder_width = shape.decoder_width = shape.decoder_middle_width = 8;
  shape.decoder_fine_width = 4;
  shape.width = 16;
  shape.layers = 1;
  shape.heads = 1;
  shape.modulation_rank = 4;
  return shape;
}

RunSettings tiny_run(const fs::path& directory, std::int64_t steps) {
  RunSettings run;
  run.directory = directory;
  run.steps = steps;
  run.batch = 2;
  run.pool = 4;
  run.fresh = 1;
  return run;
}

bool equal(const gpu::Parameters& a, const gpu::Parameters& b) {
  for (const auto& [name, tensor] : a.table()) {
    if (!at::equal(tensor, b[name])) return false;
  }
  return a.table().size() == b.table().size();
}

TEST_CASE("a checkpoint holds the whole state of a run") {
  const TemporaryDirectory directory;
  TrainingState state = start_training(gpu::init_transformer(tiny_shape(), 4));
  state.step = 123;
  state.moment1 = gpu::init_transformer(tiny_shape(), 5);
  state.average = gpu::init_transformer(tiny_shape(), 6);
  REQUIRE(save_checkpoint(directory.path() / "run", state).ok());
  const auto loaded = load_checkpoint(directory.path() / "run", gpu::init_transformer(tiny_shape(), 0));
  REQUIRE(loaded.ok());
  CHECK(loaded->step == 123);
  CHECK(equal(loaded->weights, state.weights));
  CHECK(equal(loaded->average, state.average));
  CHECK(equal(loaded->moment1, state.moment1));
  CHECK(equal(loaded->moment2, state.moment2));
}

TEST_CASE("a checkpoint that was cut short is refused") {
  const TemporaryDirectory directory;
  REQUIRE(save_checkpoint(directory.path() / "run", start_training(gpu::init_transformer(tiny_shape(), 4))).ok());
  fs::resize_file(directory.path() / "run", fs::file_size(directory.path() / "run") - 1);
  CHECK_FALSE(load_checkpoint(directory.path() / "run", gpu::init_transformer(tiny_shape(), 0)).ok());
}

TEST_CASE("training resumes from its checkpoint, and from weights alone") {
  const TemporaryDirectory directory;
  const models::NetworkShape shape = tiny_shape();
  const auto autoencoder = train_autoencoder(tiny_run(directory.path(), 2), shape, nullptr);
  REQUIRE(autoencoder.ok());
  const auto again = train_autoencoder(tiny_run(directory.path(), 2), shape, nullptr);
  REQUIRE(again.ok());
  CHECK(equal(*autoencoder, *again));  // done already

  REQUIRE(train_denoiser(tiny_run(directory.path(), 3), shape, *autoencoder, nullptr).ok());
  const fs::path checkpoint = directory.path() / "denoiser.checkpoint.safetensors";
  CHECK(load_checkpoint(checkpoint, gpu::init_transformer(shape, 0))->step == 3);
  const auto further = train_denoiser(tiny_run(directory.path(), 5), shape, *autoencoder, nullptr);
  REQUIRE(further.ok());
  CHECK(load_checkpoint(checkpoint, gpu::init_transformer(shape, 0))->step == 5);

  const auto file = models::SafetensorsFile::read(directory.path() / "weights.safetensors", 1 << 24);
  REQUIRE(file.ok());
  const auto exported = gpu::read_parameters(*file, *further, "transformer.");
  REQUIRE(exported.ok());
  const TemporaryDirectory other;
  CHECK(train_denoiser(tiny_run(other.path(), 1), shape, *autoencoder, &*exported).ok());
}

TEST_CASE("shares of a batch leave the mean of their gradients, and their faults reach the caller") {
  gpu::Parameters weights;
  weights.set("w", at::ones({3}).requires_grad_(true));
  weights.set("latent.mean", at::ones({3}));
  Shares shares(weights, 3);
  const auto backward = [](int share, const gpu::Parameters& own) {
    const at::Tensor loss = (own["w"] * (share + 1.0)).sum();
    loss.backward();
    return loss.item<double>();
  };
  for (int step = 0; step < 2; ++step) {
    CHECK(shares.learn(backward) == Approx(6.0));
    CHECK(at::equal(weights["w"].grad(), at::full({3}, 2.0)));
    weights["w"].mutable_grad() = at::Tensor();
  }
  const auto fails = [](int share, const gpu::Parameters&) -> double {
    return share == 2 ? throw std::runtime_error("third") : 0.0;
  };
  CHECK_THROWS_WITH(shares.learn(fails), "third");
  CHECK(shares.learn(backward) == Approx(6.0));
}

TEST_CASE("a run in two shares resumes from its checkpoint like any other") {
  const TemporaryDirectory directory;
  const models::NetworkShape shape = tiny_shape();
  const auto autoencoder = train_autoencoder(tiny_run(directory.path(), 2), shape, nullptr);
  REQUIRE(autoencoder.ok());
  RunSettings run = tiny_run(directory.path(), 2);
  run.batch = 3;
  run.shares = 2;
  const auto two = train_denoiser(run, shape, *autoencoder, nullptr);
  REQUIRE(two.ok());
  CHECK_FALSE(equal(*two, gpu::init_transformer(shape, run.seed + 1)));
  run.steps = 4;
  REQUIRE(train_denoiser(run, shape, *autoencoder, nullptr).ok());
  const auto state =
      load_checkpoint(directory.path() / "denoiser.checkpoint.safetensors", gpu::init_transformer(shape, 0));
  REQUIRE(state.ok());
  CHECK(state->step == 4);
}

TEST_CASE("a run whose loss is no number any more stops and leaves its last checkpoint") {
  const TemporaryDirectory directory;
  const models::NetworkShape shape = tiny_shape();
  const auto autoencoder = train_autoencoder(tiny_run(directory.path(), 2), shape, nullptr);
  REQUIRE(autoencoder.ok());
  REQUIRE(train_denoiser(tiny_run(directory.path(), 2), shape, *autoencoder, nullptr).ok());
  RunSettings run = tiny_run(directory.path(), 6);
  run.optimizer.learning_rate = std::nan("");
  const auto made = train_denoiser(run, shape, *autoencoder, nullptr);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == "train.diverged");
  const auto state =
      load_checkpoint(directory.path() / "denoiser.checkpoint.safetensors", gpu::init_transformer(shape, 0));
  REQUIRE(state.ok());
  CHECK(state->step == 2);
}

TEST_CASE("a seal refuses a package that is not whole, and changes nothing then") {
  const TemporaryDirectory directory;
  const fs::path package = directory.path() / "demo-clips@1";
  fs::copy(fs::path(FRAMEMILL_SOURCE_DIR) / "models/demo-clips@1", package);
  const auto manifest = [&] { return *base::read_file(package / "model.toml", 1 << 20); };
  const std::string before = manifest();
  REQUIRE(seal_package(package).ok());
  CHECK(manifest() == before);

  const auto refused = [&] {
    const base::Status status = seal_package(package);
    CHECK(manifest() == before);
    return status.ok() ? std::string("sealed") : status.error().code;
  };
  fs::copy(package / "weights.safetensors", package / "more.safetensors");
  CHECK(refused() == "train.seal");
  fs::remove(package / "more.safetensors");
  fs::rename(package / "LICENCE", directory.path() / "LICENCE");
  CHECK(refused() == "train.seal");
  fs::rename(directory.path() / "LICENCE", package / "LICENCE");
  REQUIRE(base::write_file_durably(package / "with space", "").ok());
  CHECK(refused() == "model.manifest");
  fs::remove(package / "with space");
  models::SafetensorsWriter diverged;
  diverged.add_floats("transformer.patch_in.bias", {2}, std::vector<float>{1.0f, NAN});
  REQUIRE(base::write_file_durably(package / "weights.safetensors", diverged.bytes()).ok());
  CHECK(refused() == "model.weights");
  REQUIRE(base::write_file_durably(package / "weights.safetensors", "no weights").ok());
  CHECK(refused() == "model.safetensors");
}

TEST_CASE("a step whose gradients are not finite changes no weight") {
  TrainingState state = start_training(gpu::init_transformer(tiny_shape(), 4));
  const gpu::Parameters before = state.weights.detached_copy();
  at::Tensor leaf = state.weights["patch_in.weight"];
  leaf.mutable_grad() = at::full(leaf.sizes(), NAN);
  optimizer_step(state, {}, 1e-2);
  CHECK(equal(state.weights, before));
  leaf.mutable_grad() = at::ones(leaf.sizes());
  optimizer_step(state, {}, 1e-2);
  CHECK_FALSE(equal(state.weights, before));
}

TEST_CASE("the learning rate warms up, holds and falls") {
  CHECK(scheduled_rate(1.0, 0, 1000) == Approx(0.01));
  CHECK(scheduled_rate(1.0, 500, 1000) == Approx(1.0));
  CHECK(scheduled_rate(1.0, 800, 1000) == Approx(0.525));
  CHECK(scheduled_rate(1.0, 1000, 1000) == Approx(0.05));
}

TEST_CASE("a loss curve is read from a log whose run was killed and went on") {
  const auto points =
      score::curve_points("step,minutes_since_start,loss\n20,1,4.0\n40,2,2.0\n40,1,3.0\n60,1,1.5\ngarbage\n80,1,nan\n");
  REQUIRE(points.size() == 3);
  CHECK(points[1].step == 40);
  CHECK(points[1].loss == 3.0);
  CHECK(score::curve_points("step,loss\n200,4.0\n400,2.5\n").back().loss == 2.5);  // as the documentation keeps it
}

}  // namespace
}  // namespace framemill::train
