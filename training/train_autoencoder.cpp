#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstring>

#include "gpu/torch/autoencoder.h"
#include "training/catalogue/draw.h"
#include "training/catalogue/render.h"
#include "training/checkpoint.h"
#include "training/phases.h"
#include "training/progress.h"

namespace framemill::train {
namespace {

constexpr double kLatentNoise = 0.08;  // added to raw latents, so that near latents decode alike

constexpr double kThingWeight = 3.0;  // extra, for pixels that show a thing

struct Frames {
  at::Tensor images;  // [n, 3, 64, 64]
  at::Tensor things;  // [n, 1, 64, 64]: 1 where a thing is
};

// Frames of random clips.
Frames random_frames(std::uint64_t seed, std::int64_t step, int count) {
  std::vector<float> pixels, things;
  Draw draw(seed ^ (static_cast<std::uint64_t>(step) * 0x9E3779B97F4A7C15u));
  for (int i = 0; i < count; ++i) {
    const Scene scene = draw_scene(seed, draw.bits());
    render_clip(scene, draw.below(96), 1, pixels, &things);
  }
  at::Tensor images = at::empty({count, kFrameSize, kFrameSize, 3}, at::kFloat);
  std::memcpy(images.mutable_data_ptr(), pixels.data(), pixels.size() * sizeof(float));
  at::Tensor marks = at::empty({count, 1, kFrameSize, kFrameSize}, at::kFloat);
  std::memcpy(marks.mutable_data_ptr(), things.data(), things.size() * sizeof(float));
  return {images.permute({0, 3, 1, 2}).contiguous(), marks};
}

// Absolute and squared error, and the error of neighbour differences, which keeps edges sharp.
at::Tensor picture_loss(const at::Tensor& made, const Frames& wanted) {
  const at::Tensor error = (made - wanted.images) * (wanted.things * kThingWeight + 1.0).sqrt();
  const auto steps = [&error](std::int64_t dim) {
    const std::int64_t n = error.size(dim) - 1;
    return (error.narrow(dim, 1, n) - error.narrow(dim, 0, n)).abs().mean();
  };
  return error.abs().mean() + 6.0 * error.square().mean() + 0.5 * (steps(2) + steps(3));
}

// Mean and deviation of each latent channel over fresh frames.
void measure_statistics(gpu::Parameters& weights, std::uint64_t seed) {
  at::NoGradGuard no_grad;
  const at::Tensor raw = gpu::encode_raw(weights, random_frames(seed + 1, 0, 512).images, at::kFloat);
  weights.set("latent.mean", raw.mean(at::IntArrayRef{0, 2, 3}).clone());
  weights.set("latent.std", raw.transpose(0, 1).reshape({raw.size(1), -1}).std(1).clamp_min(1e-3).clone());
}

}  // namespace

base::Result<gpu::Parameters> train_autoencoder(const RunSettings& settings, const models::NetworkShape& shape,
                                                const gpu::Parameters* start) {
  const gpu::Parameters fresh = gpu::init_autoencoder(shape, settings.seed);
  const std::filesystem::path checkpoint = settings.directory / "autoencoder.checkpoint.safetensors";
  TrainingState state = start_training(start ? *start : fresh);
  if (std::filesystem::exists(checkpoint)) {
    FM_ASSIGN(state, load_checkpoint(checkpoint, fresh));
  }
  if (state.step >= settings.steps) return state.average;  // trained already
  at::Generator random = at::detail::createCPUGenerator(settings.seed + static_cast<std::uint64_t>(state.step));
  Progress progress("autoencoder", settings.directory / "autoencoder.csv", state.step, settings.steps);
  const at::ScalarType compute = settings.bfloat16 ? at::kBFloat16 : at::kFloat;
  double saved = 0;
  while (state.step < settings.steps && (settings.minutes <= 0 || progress.minutes() < settings.minutes)) {
    const Frames frames = random_frames(settings.seed, state.step, settings.batch * 2);
    const at::Tensor raw = gpu::encode_raw(state.weights, frames.images, compute);
    const at::Tensor noise = at::randn(raw.sizes(), random, at::kFloat) * kLatentNoise;
    const at::Tensor made = gpu::decode_raw(state.weights, raw + noise, compute);
    at::Tensor loss = picture_loss(made, frames);
    if (settings.anchor > 0) {
      at::NoGradGuard no_grad;
      const at::Tensor held = gpu::encode_raw(*start, frames.images, compute);
      at::AutoGradMode grad(true);
      loss = loss + (raw - held).square().mean() * settings.anchor;
    }
    FM_TRY(check_loss(loss.item<double>(), state.step));
    loss.backward();
    const double rate = scheduled_rate(settings.optimizer.learning_rate, state.step, settings.steps);
    optimizer_step(state, settings.optimizer, rate);
    const double psnr = -10.0 * std::log10((made.detach() - frames.images).square().mean().item<double>());
    progress.on_step(state.step, loss.item<double>(), psnr, rate);
    if (progress.minutes() - saved > settings.save_minutes) {
      saved = progress.minutes();
      FM_TRY(save_checkpoint(checkpoint, state));
    }
  }
  if (settings.anchor <= 0) measure_statistics(state.average, settings.seed);
  for (const char* name : {"latent.mean", "latent.std"}) state.weights.set(name, state.average[name].clone());
  FM_TRY(save_checkpoint(checkpoint, state));
  return state.average;
}

}  // namespace framemill::train
