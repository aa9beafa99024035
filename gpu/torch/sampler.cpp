#include "gpu/torch/sampler.h"

namespace framemill::gpu {
namespace {

at::Tensor per_frame(const at::Tensor& values) {
  return values.view({-1, 1, 1, 1});
}

// Guidance widens the values of what it predicts: contrast that grows from window to window in a chain. Rescaled, they
// keep the spread of the prompt's own prediction (Lin et al. 2024, "Common diffusion noise schedules", section 3.4).
at::Tensor guided_prediction(const Trajectory& window, const at::Tensor& prompted, const at::Tensor& negative) {
  const at::Tensor guided = negative + (prompted - negative) * window.guidance;
  if (window.guidance_rescale == 0.0) return guided;
  const at::Tensor ratio = prompted.std() / guided.std().clamp_min(1e-6);
  return guided * (ratio * window.guidance_rescale + (1.0 - window.guidance_rescale));
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
    const at::Tensor level =
        at::full({window->latents.size(0)}, t, window->latents.options()).masked_fill(window->clean, 0.0);
    for (int row = 0; row < rows_of_step(*window); ++row) {
      noisy.push_back(window->latents);
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
    if (rows_of_step(*window) == 2) clean = guided_prediction(*window, clean, made[row++]);
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
