#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <array>

#include "gpu/torch/transformer.h"
#include "training/checkpoint.h"
#include "training/clip_pool.h"
#include "training/phases.h"
#include "training/progress.h"
#include "training/shares.h"

namespace framemill::train {
namespace {

constexpr int kPrefixMax = 6;         // clean frames at the start,
constexpr int kChainPrefix = 4;       // and in half of those clips as many as a chain hands on
constexpr double kPromptDrop = 0.10;  // whole conditions left out, for guidance
constexpr double kSlotDrop = 0.05;    // single slots left out, for prompts that do not say everything
constexpr int kPoolAtStart = 768;

// Levels are logit-normal. A window says the same land sixteen times over, so what it shows is decided at levels where
// a single cell looks like noise alone: the mean lies high.
constexpr double kLevelMean = 1.0;

// Clean frames of a chain are the network's own work, with its faults. Half of the prefixes in training are too: the
// clip's frames, noised to a level between these and sampled down again in a few guided steps. It learns to go on well
// from what is not quite well; without that, faults grow from window to window. From the highest levels come the faults
// that matter, a ball that looks like a bush: the words tell what it is, and the clip how it goes on.
constexpr double kOwnPrefix = 0.5;
constexpr double kOwnLevelMin = 0.4, kOwnLevelMax = 0.93;
constexpr int kOwnSteps = 3;
constexpr double kOwnGuidanceMax = 5.0;  // in the first step, from 1

// Noise levels [n, F]. Most openings of films share one level over their frames, as a window made from words alone
// does; the others know some frames: a clean prefix (chain, image-to-video), a prefix and a suffix (in-between), or
// every frame at a level of its own. Clips out of a film's middle always know some frames: things may be outside the
// frame there, and words alone must not lead to a window without what they name.
at::Tensor draw_levels(const at::Tensor& opening, int frames, at::Generator& random) {
  const std::int64_t count = opening.size(0);
  const at::Tensor shared = at::sigmoid(at::randn({count, 1}, random, at::kFloat) + kLevelMean);
  at::Tensor levels = shared.expand({count, frames}).clone();
  const at::Tensor mode = at::rand({count}, random, at::kFloat);
  const at::Tensor prefix = at::where(at::rand({count}, random, at::kFloat).lt(0.5), kChainPrefix,
                                      at::randint(1, kPrefixMax + 1, {count}, random, at::kLong));
  const at::Tensor suffix = at::randint(1, kPrefixMax + 1, {count}, random, at::kLong);
  const at::Tensor own = at::sigmoid(at::randn({count, frames}, random, at::kFloat) + kLevelMean);
  for (std::int64_t i = 0; i < count; ++i) {
    // Shares of: one level, a level per frame, a clean suffix beside the prefix; the rest has a prefix alone.
    const bool first = opening[i].item<bool>();
    const double one = first ? 0.76 : 0.0, each = first ? 0.12 : 0.18, both = first ? 0.03 : 0.22;
    const double m = mode[i].item<double>();
    at::Tensor row = levels[i];
    if (m < one) continue;
    if (m < one + each) {
      row.copy_(own[i]);
      continue;
    }
    row.narrow(0, 0, prefix[i].item<std::int64_t>()).zero_();
    if (m < one + each + both) {
      const std::int64_t n = suffix[i].item<std::int64_t>();
      row.narrow(0, frames - n, n).zero_();
    }
  }
  return levels;
}

at::Tensor drop_words(const at::Tensor& condition, at::Generator& random) {
  const at::Tensor keep_all = at::rand({condition.size(0), 1}, random, at::kFloat) >= kPromptDrop;
  const at::Tensor keep_slot = at::rand(condition.sizes(), random, at::kFloat) >= kSlotDrop;
  return condition * keep_all.logical_and(keep_slot).to(at::kLong);
}

// The clips [n, F, C, h, w] as the average of the weights makes them from noisy states of them.
at::Tensor made_again(const gpu::Parameters& average, const models::NetworkShape& shape, const at::Tensor& clips,
                      const at::Tensor& condition, at::Generator& random, at::ScalarType compute) {
  const std::int64_t count = clips.size(0), frames = clips.size(1);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * at::rand({count, 1}, random, at::kFloat);
  };
  const at::Tensor level = uniform(kOwnLevelMin, kOwnLevelMax);
  const at::Tensor guidance = uniform(1.0, kOwnGuidanceMax).view({count, 1, 1, 1, 1});
  const at::Tensor t = level.view({count, 1, 1, 1, 1});
  at::Tensor state = clips * (1.0 - t) + at::randn(clips.sizes(), random, at::kFloat) * t;
  for (int step = 0; step < kOwnSteps; ++step) {
    const double left = 1.0 - static_cast<double>(step) / kOwnSteps;  // of the level
    const at::Tensor levels = (level * left).expand({count, frames}).contiguous();
    at::Tensor made = gpu::predict_clean(average, shape, state, levels, condition, compute);
    if (step == 0) {
      const at::Tensor plain = gpu::predict_clean(average, shape, state, levels, at::zeros_like(condition), compute);
      const at::Tensor guided = plain + (made - plain) * guidance;
      constexpr std::array<std::int64_t, 4> all = {1, 2, 3, 4};
      made = guided * (made.std(all, true, true) / guided.std(all, true, true));  // rescaled, as the sampler does
    }
    state = made + (state - made) * ((left - 1.0 / kOwnSteps) / left);
  }
  return state;
}

// `latents` [n, F, C, h, w] with the clean frames of some clips as the average of the weights would make them.
at::Tensor with_own_prefixes(const gpu::Parameters& average, const models::NetworkShape& shape,
                             const ClipPool::Batch& batch, const at::Tensor& levels, at::Generator& random,
                             at::ScalarType compute) {
  const at::Tensor clean = levels.eq(0);
  const at::Tensor chosen = at::rand({levels.size(0)}, random, at::kFloat).lt(kOwnPrefix).logical_and(clean.any(1));
  const at::Tensor rows = chosen.nonzero().flatten();
  if (rows.numel() == 0) return batch.latents;
  const at::NoGradGuard no_grad;
  const at::Tensor latents = batch.latents.index_select(0, rows);
  const at::Tensor made = made_again(average, shape, latents, batch.condition.index_select(0, rows), random, compute);
  const at::Tensor kept = clean.index_select(0, rows).view({rows.size(0), -1, 1, 1, 1});
  return batch.latents.index_copy(0, rows, at::where(kept, made, latents));
}

// Mean squared error of the predicted clean latents, over frames that are noisy, weighted towards low noise. The weight
// must not depend on what the clip shows: weighting cells that show a thing was tried, and the network then expected
// things wherever one could be and smeared them over all those places (the optimum of a weighted error is a weighted
// mean of what is possible, no longer the mean that the sampler needs).
at::Tensor denoising_loss(const gpu::Parameters& weights, const gpu::Parameters& average,
                          const models::NetworkShape& shape, const ClipPool::Batch& batch, const at::Tensor& levels,
                          at::Generator& random, at::ScalarType compute) {
  const at::Tensor seen = with_own_prefixes(average, shape, batch, levels, random, compute);
  const at::Tensor noise = at::randn(batch.latents.sizes(), random, at::kFloat);
  const at::Tensor t = levels.view({levels.size(0), levels.size(1), 1, 1, 1});
  const at::Tensor noisy = seen * (1.0 - t) + noise * t;
  const at::Tensor made =
      gpu::predict_clean(weights, shape, noisy, levels, drop_words(batch.condition, random), compute);
  const at::Tensor per_frame = (made - batch.latents).square().mean(at::IntArrayRef{2, 3, 4});
  const at::Tensor counts = (levels > 0).to(at::kFloat);
  return (per_frame * counts / levels.clamp_min(0.4).square()).sum() / counts.sum();
}

// Clips of share `share` of `count`: the last one takes what does not divide.
ClipPool::Batch share_of(const ClipPool::Batch& batch, int share, int count) {
  const std::int64_t all = batch.latents.size(0), each = all / count, first = share * each;
  const std::int64_t clips = share + 1 == count ? all - first : each;
  return {batch.latents.narrow(0, first, clips), batch.condition.narrow(0, first, clips),
          batch.opening.narrow(0, first, clips)};
}

}  // namespace

base::Result<gpu::Parameters> train_denoiser(const RunSettings& settings, const models::NetworkShape& shape,
                                             const gpu::Parameters& autoencoder, const gpu::Parameters* start) {
  const gpu::Parameters fresh = gpu::init_transformer(shape, settings.seed + 1);
  const std::filesystem::path checkpoint = settings.directory / "denoiser.checkpoint.safetensors";
  TrainingState state = start_training(start ? *start : fresh);
  if (std::filesystem::exists(checkpoint)) {
    FM_ASSIGN(state, load_checkpoint(checkpoint, fresh));
  }
  const at::ScalarType compute = settings.bfloat16 ? at::kBFloat16 : at::kFloat;
  at::Generator random = at::detail::createCPUGenerator(settings.seed * 7919 + static_cast<std::uint64_t>(state.step));
  Shares shares(state.weights, settings.shares);
  std::vector<at::Generator> randoms;  // a share's own
  for (int i = 0; i < shares.count(); ++i)
    randoms.push_back(at::detail::createCPUGenerator(random.current_seed() + 1 + static_cast<std::uint64_t>(i)));
  ClipPool pool(shape, autoencoder, settings.seed, settings.pool, compute);
  pool.skip_to(state.step * settings.fresh);
  pool.add(std::min(kPoolAtStart, settings.pool));
  Progress progress("denoiser", settings.directory / "denoiser.csv", state.step, settings.steps);
  double saved = 0;
  const auto save = [&]() -> base::Status {
    saved = progress.minutes();
    FM_TRY(save_checkpoint(checkpoint, state));
    return export_weights(settings.directory / "weights.safetensors", autoencoder, state.average);
  };
  while (state.step < settings.steps && (settings.minutes <= 0 || progress.minutes() < settings.minutes)) {
    pool.add(settings.fresh);
    const ClipPool::Batch batch = pool.draw(settings.batch, random);
    const double loss = shares.learn([&](int share, const gpu::Parameters& weights) {
      at::Generator& own = randoms[static_cast<std::size_t>(share)];
      const ClipPool::Batch part = share_of(batch, share, shares.count());
      const at::Tensor levels = draw_levels(part.opening, shape.window_frames, own);
      const at::Tensor value = denoising_loss(weights, state.average, shape, part, levels, own, compute);
      value.backward();
      return value.item<double>();
    });
    FM_TRY(check_loss(loss, state.step));
    const double rate = scheduled_rate(settings.optimizer.learning_rate, state.step, settings.steps);
    const double norm = optimizer_step(state, settings.optimizer, rate);
    progress.on_step(state.step, loss, norm, rate);
    if (progress.minutes() - saved > settings.save_minutes) FM_TRY(save());
  }
  FM_TRY(save());
  return state.average;
}

}  // namespace framemill::train
