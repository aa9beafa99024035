// A sampler turns what the network predicts into the next latents. A Sampler is the arithmetic for one number of steps
// and holds no state; each window owns a SamplerState. Windows at different steps, and of different samplers, therefore
// share one call of the network: stack network_input() of each window, tell the network timestep() of each, then
// advance() each window with its own rows of the result.
//
//   Sampler sampler = Sampler::make(settings, steps)
//   SamplerState state = sampler.begin();
//   latents = noise * sampler.initial_scale()
//   while (!sampler.done(state))
//     latents = sampler.advance(state, network(sampler.network_input(state, latents), sampler.timestep(state)), latents)
//
// Latents are float32; coefficients are computed in double and applied in float32. Shapes are the caller's: everything
// is element-wise. A Sampler is immutable and may be shared between threads.
#pragma once

#include <ATen/ATen.h>

#include "gpu/torch/samplers/schedule.h"

namespace framemill::gpu {

// All that a sampler remembers of a window: plain values and tensors, so that it can be copied (tensors in it are never
// written to) and stored. A caller that advances several windows, whole or not at all, advances copies.
struct SamplerState {
  int step = 0;                  // steps done; the next one goes from sigmas[step] to sigmas[step + 1]
  int order = 0;                 // of the solver in the step before; 0: there was none
  at::Tensor prediction;         // x0 as predicted in the step before; undefined where there was none
  at::Tensor prediction_before;  // and in the one before that
  at::Tensor latents;            // unipc: the corrected latents that the step before started from
};

class Sampler {
 public:
  // Errors: those of make_schedule.
  static base::Result<Sampler> make(const SamplerSettings& settings, int steps);

  const SamplerSettings& settings() const { return settings_; }
  const Schedule& schedule() const { return schedule_; }
  int steps() const { return schedule_.steps(); }

  // A window that starts at step `first` of 0..steps: 0 from noise, later ones from add_noise() of a picture.
  SamplerState begin(int first = 0) const;
  bool done(const SamplerState& state) const { return state.step >= steps(); }

  // The timestep that the network gets as its input for the present step. The window is not done.
  double timestep(const SamplerState& state) const;
  // Noise level of the present step, or of the end where the window is done.
  double sigma(const SamplerState& state) const;

  // Factor from unit noise to the latents before step 0: 1, but for `euler`.
  double initial_scale() const;
  // Clean latents with noise as they are before the present step: where video to video begins, and what known latents
  // are at this step.
  at::Tensor add_noise(const SamplerState& state, const at::Tensor& clean, const at::Tensor& noise) const;

  // The latents as the network gets them: the same tensor, but for `euler`.
  at::Tensor network_input(const SamplerState& state, const at::Tensor& latents) const;

  // The latents after the present step, float32, of `latents`' shape. `output` is what the network made of
  // network_input(); guidance has been applied. Moves the state on by a step; changes nothing if it throws.
  at::Tensor advance(SamplerState& state, const at::Tensor& output, const at::Tensor& latents) const;

 private:
  Sampler(SamplerSettings settings, Schedule schedule)
      : settings_(std::move(settings)), schedule_(std::move(schedule)) {}

  double sigma_of_step(int step) const { return schedule_.sigmas[static_cast<std::size_t>(step)]; }

  SamplerSettings settings_;
  Schedule schedule_;
};

}  // namespace framemill::gpu
