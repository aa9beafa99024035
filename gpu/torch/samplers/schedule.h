// Which noise levels a sampler goes through, and what it tells the network at each: a pure function of the settings and
// the number of steps. Sigmas and timesteps are rounded to float32 where diffusers' schedulers round them, so that both
// programs step through the same values.
//
// Two families. Flow (prediction = flow): at level sigma a latent is (1 - sigma) x0 + sigma noise, sigma from 1 to 0.
// Diffusion (prediction = epsilon or v): levels come from a table of betas over train_steps; with
// sigma = sqrt((1 - a) / a), a the cumulative product of 1 - beta, a latent is (x0 + sigma noise) / sqrt(1 + sigma^2),
// and for `euler`, which works on unscaled latents, x0 + sigma noise.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::gpu {

enum class SamplerKind {
  FlowEuler,  // Euler steps along the flow (FlowMatchEulerDiscreteScheduler)
  FlowUnipc,  // UniPC of order 2 with B2(h) on the flow's levels (UniPCMultistepScheduler, use_flow_sigmas)
  Unipc,      // the same on a table of betas
  Dpmpp2m,    // DPM-Solver++ of order 2, midpoint (DPMSolverMultistepScheduler)
  Ddim,       // eta = 0
  Euler,      // EulerDiscreteScheduler without churn
};
enum class Prediction {
  Flow,     // noise - x0
  Epsilon,  // noise
  V,        // alpha noise - sigma x0 (Salimans and Ho 2022)
};
enum class BetaSchedule { Linear, ScaledLinear };
enum class TimestepSpacing { Linspace, Leading, Trailing };  // table 2 of Lin et al. 2024
enum class LastSigma { Zero, Least };  // what the last step goes to: 0, or the least trained level

// The names in model.toml: "flow_unipc", "epsilon"; nothing for an unknown one.
std::optional<SamplerKind> sampler_kind_of(std::string_view name);
std::optional<Prediction> prediction_of(std::string_view name);
std::string_view text_of(SamplerKind kind);
std::string_view text_of(Prediction prediction);

struct SamplerSettings {
  SamplerKind kind = SamplerKind::FlowUnipc;
  Prediction prediction = Prediction::Flow;
  double shift = 1.0;      // flow alone, above 0: above 1 denser near pure noise
  int train_steps = 1000;  // levels that the network was trained at; timesteps are in 0..train_steps
  // Diffusion alone:
  double beta_first = 0.0001, beta_last = 0.02;  // 0 < first <= last < 1
  BetaSchedule betas = BetaSchedule::Linear;
  std::optional<TimestepSpacing> spacing;  // absent: Leading for ddim, Linspace for all others
  int timestep_offset = 0;                 // added to the timesteps of Leading
  bool karras = false;                     // sigmas as Karras et al. 2022, equation 5, rho = 7; not for ddim
  bool clip_sample = true;                 // ddim: x0 is kept in -1..1
  LastSigma last_sigma = LastSigma::Zero;  // unipc and dpmpp_2m
  bool lower_order_final = true;           // dpmpp_2m: order 1 in the last of fewer than 15 steps
};

// `steps` steps: step i goes from sigmas[i] to sigmas[i + 1], and timesteps[i] is the network's input.
struct Schedule {
  std::vector<double> timesteps;  // steps
  std::vector<double> sigmas;     // steps + 1, falling

  int steps() const { return static_cast<int>(timesteps.size()); }
};

// Errors: model.sampler (a kind that cannot use the prediction, a value out of range), model.steps (not 1 to
// train_steps, or so many that the timesteps of Leading run out).
base::Result<Schedule> make_schedule(const SamplerSettings& settings, int steps);

}  // namespace framemill::gpu
