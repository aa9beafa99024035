#include "gpu/torch/sampler.h"

#include <algorithm>

namespace framemill::gpu {
namespace {

at::Tensor per_frame(const at::Tensor& values) {
  return values.view({-1, 1, 1, 1});
}

// The given frames of a chain are the network's own work. Seen through a little noise their faults weigh less and do
// not grow from window to window (Chen et al. 2024, "Diffusion forcing", section 3.3).
at::Tensor as_seen(const Trajectory& window, double given_level) {
  if (given_level == 0.0 || !window.given.defined()) return window.latents;
  return at::where(per_frame(window.clean), window.given * (1.0 - given_level) + window.noise * given_level,
                   window.latents);
}

}  // namespace

double noise_level(int step, int steps, double shift) {
  const double t = 1.0 - static_cast<double>(step) / steps;
  return shift * t / (1.0 + (shift - 1.0) * t);
}

int rows_of_step(const Trajectory& trajectory) {
  const double t = noise_level(trajectory.step, trajectory.steps, trajectory.shift);
  return trajectory.guided && t >= trajectory.guidance_min_level ? 2 : 1;
}

void impose_known(Trajectory& trajectory) {
  if (trajectory.region.defined()) {
    const double t = noise_level(trajectory.step, trajectory.steps, trajectory.shift);
    const at::Tensor known = trajectory.region_latents * (1.0 - t) + trajectory.noise * t;
    trajectory.latents = at::where(trajectory.region, known, trajectory.latents);
  }
  if (trajectory.given.defined())
    trajectory.latents = at::where(per_frame(trajectory.clean), trajectory.given, trajectory.latents);
}

void take_step(const std::vector<Trajectory*>& batch, const Denoiser& denoiser) {
  std::vector<at::Tensor> noisy, levels, conditions;
  for (const Trajectory* window : batch) {
    const double t = noise_level(window->step, window->steps, window->shift);
    const double given_level = std::min(window->context_noise_level, t);
    const at::Tensor level =
        at::full({window->latents.size(0)}, t, window->latents.options()).masked_fill(window->clean, given_level);
    const at::Tensor seen = as_seen(*window, given_level);
    for (int row = 0; row < rows_of_step(*window); ++row) {
      noisy.push_back(seen);
      levels.push_back(level);
      conditions.push_back(window->condition[row]);
    }
  }
  const at::Tensor made = denoiser(at::stack(noisy), at::stack(levels), at::stack(conditions));
  // The network is done: from here on nothing large is allocated, so a batch advances whole or not at all.
  std::vector<at::Tensor> next;
  std::int64_t row = 0;
  for (const Trajectory* window : batch) {
    at::Tensor clean = made[row++];
    if (rows_of_step(*window) == 2) {
      const at::Tensor negative = made[row++];
      clean = negative + (clean - negative) * window->guidance;
    }
    const double t = noise_level(window->step, window->steps, window->shift);
    const double after = noise_level(window->step + 1, window->steps, window->shift);
    next.push_back(clean + (window->latents - clean) * (after / t));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->latents = next[i];
    ++batch[i]->step;
    impose_known(*batch[i]);
  }
}

}  // namespace framemill::gpu
