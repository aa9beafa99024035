// framemill-train: makes a package's weights from nothing but the procedural catalogue and a seed.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cmath>

#include <CLI/CLI.hpp>

#include "gpu/torch/autoencoder.h"
#include "gpu/torch/transformer.h"
#include "models/package.h"
#include "models/safetensors.h"
#include "training/catalogue/scene.h"
#include "training/checkpoint.h"
#include "training/phases.h"
#include "training/seal.h"

namespace framemill::train {
namespace {

struct Options {
  RunSettings run;
  std::string phase = "all";
  std::string from;  // weights.safetensors to go on from
  std::int64_t autoencoder_steps = 3000;
  int threads = 2;
  std::string package;  // a package directory to put the weights into and to seal
};

base::Result<gpu::Parameters> shipped(const std::string& path, const gpu::Parameters& like, const std::string& prefix) {
  FM_ASSIGN(const models::SafetensorsFile file, models::SafetensorsFile::read(path, std::uint64_t{8} << 30));
  return gpu::read_parameters(file, like, prefix);
}

// What options alone cannot say: which go together. Errors: train.options.
base::Status check(const Options& options) {
  const auto refuse = [](std::string why, std::string hint) {
    return base::Error{"train.options", std::move(why), "", std::move(hint)};
  };
  if (options.run.directory.empty()) return refuse("there is no --directory", "name one for checkpoints and weights");
  if (!std::isfinite(options.run.optimizer.learning_rate)) return refuse("--learning-rate is not a number", "");
  if (options.run.anchor > 0 && options.from.empty())
    return refuse("--anchor keeps the latents of weights that are given", "give --from");
  const bool autoencoder_here =
      std::filesystem::exists(options.run.directory / "autoencoder.checkpoint.safetensors") || !options.from.empty();
  if (options.phase == "denoiser" && !autoencoder_here)
    return refuse("the denoiser needs an autoencoder", "train that phase first, or give --from");
  if (!options.from.empty() && options.phase != "autoencoder" &&
      std::filesystem::exists(options.run.directory / "denoiser.checkpoint.safetensors"))
    return refuse("the directory has a run of its own, which --from would mix with other weights",
                  "leave --from out to go on with it, or name an empty directory");
  return {};
}

base::Status run(Options options) {
  if (options.phase == "seal") return seal_package(options.package);
  FM_TRY(check(options));
  FM_ASSIGN(const models::Package package, models::open_package(options.package, models::Completeness::WithoutWeights));
  const models::NetworkShape& shape = package.manifest.network();
  FM_TRY(check_vocabulary(package.vocabulary));
  if (options.run.shares > options.run.batch)
    return base::Error{"train.shares", "--shares is more than --batch: a share would have no clips", "", ""};
  std::error_code failed;
  std::filesystem::create_directories(options.run.directory, failed);
  if (failed) return base::Error{"train.directory", options.run.directory.string() + ": " + failed.message(), "", ""};
  gpu::Parameters autoencoder_start, denoiser_start;
  if (!options.from.empty()) {
    FM_ASSIGN(autoencoder_start, shipped(options.from, gpu::init_autoencoder(shape, 0), "autoencoder."));
    FM_ASSIGN(denoiser_start, shipped(options.from, gpu::init_transformer(shape, 0), "transformer."));
  }
  const bool going_on = !options.from.empty();
  RunSettings first = options.run;
  first.steps = options.autoencoder_steps;
  if (options.phase == "denoiser") first.steps = 0;  // the checkpoint, or the weights given, as they are
  gpu::Parameters autoencoder;
  if (going_on && options.phase != "autoencoder") {
    autoencoder = autoencoder_start;  // the latents a denoiser knows must not move under it
  } else {
    FM_ASSIGN(autoencoder, train_autoencoder(first, shape, going_on ? &autoencoder_start : nullptr));
  }
  if (options.phase == "autoencoder") {
    // Refined with its latents held, it goes with the denoiser it was given with.
    return going_on ? export_weights(options.run.directory / "weights.safetensors", autoencoder, denoiser_start)
                    : base::Status{};
  }
  FM_ASSIGN(const gpu::Parameters denoiser,
            train_denoiser(options.run, shape, autoencoder, going_on ? &denoiser_start : nullptr));
  return {};
}

}  // namespace
}  // namespace framemill::train

int main(int argc, char** argv) {
  framemill::train::Options options;
  CLI::App app{"Train Framemill's built-in video model on procedurally rendered clips"};
  app.add_option("--directory", options.run.directory, "checkpoints, loss logs, exported weights");
  app.add_option("--package", options.package, "the package: its manifest gives the network's shape")->required();
  app.add_option("--phase", options.phase, "seal: rewrite the manifest's list of files, no training")
      ->check(CLI::IsMember({"all", "autoencoder", "denoiser", "seal"}))
      ->capture_default_str();
  app.add_option("--from", options.from, "go on from these weights alone");
  app.add_option("--seed", options.run.seed)->capture_default_str();
  const auto steps = CLI::Range(std::int64_t{0}, std::int64_t{1} << 40);
  app.add_option("--autoencoder-steps", options.autoencoder_steps)->capture_default_str()->check(steps);
  app.add_option("--steps", options.run.steps, "denoiser steps in all")->capture_default_str()->check(steps);
  app.add_option("--batch", options.run.batch)->capture_default_str()->check(CLI::Range(1, 4096));
  app.add_option("--minutes", options.run.minutes, "stop a phase after so long; 0 = at its steps")
      ->check(CLI::Range(0.0, 1e9));
  app.add_option("--learning-rate", options.run.optimizer.learning_rate)
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 1.0));
  app.add_flag("--muon,!--adamw", options.run.optimizer.muon, "optimizer of the matrices inside the layers");
  app.add_option("--average-decay", options.run.optimizer.average_decay)
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.999999));
  app.add_option("--pool", options.run.pool, "latent clips kept for drawing again")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--fresh", options.run.fresh, "new clips per step")->capture_default_str()->check(CLI::Range(0, 4096));
  app.add_option("--save-minutes", options.run.save_minutes)->capture_default_str()->check(CLI::Range(0.0, 1e6));
  app.add_option("--anchor", options.run.anchor,
                 "with --from: refine the autoencoder but keep its latents, so that the denoiser stays valid")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--shares", options.run.shares, "of each of the denoiser's batches, a thread each; of two cores, 2")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--threads", options.threads, "inside each operation")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--bfloat16,!--float32", options.run.bfloat16, "matrix products in bfloat16 (the default)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  // Tensors come and go by the megabyte: keep their pages instead of handing them back each time.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  at::set_num_threads(options.threads);
  at::globalContext().setFlushDenormal(true);
  framemill::base::Status status;
  try {
    status = framemill::train::run(options);
  } catch (const std::exception& error) {
    status = framemill::base::Error{"train.failed", error.what(), "", ""};
  }
  if (status.ok()) return 0;
  fmt::print(stderr, "framemill-train: {} ({})\n", status.error().message, status.error().code);
  if (!status.error().hint.empty()) fmt::print(stderr, "  {}\n", status.error().hint);
  return 1;
}
