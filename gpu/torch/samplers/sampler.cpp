#include "gpu/torch/samplers/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "gpu/torch/samplers/solver.h"

namespace framemill::gpu {
namespace {

Level level_of(const SamplerSettings& settings, double sigma) {
  if (settings.prediction == Prediction::Flow) return {1.0 - sigma, sigma};
  const double alpha = 1.0 / std::sqrt(sigma * sigma + 1.0);
  return {alpha, sigma * alpha};
}

// x0 from what the network predicts of latents at this level.
at::Tensor clean_of(Prediction prediction, const Level& at, const at::Tensor& output, const at::Tensor& latents) {
  switch (prediction) {
    case Prediction::Flow:
      return latents - output * at.sigma;
    case Prediction::Epsilon:
      return (latents - output * at.sigma) / at.alpha;
    case Prediction::V:
      break;
  }
  return latents * at.alpha - output * at.sigma;
}

// Works on unscaled latents, x0 + sigma noise. The network has seen them divided by sqrt(1 + sigma^2).
at::Tensor euler_step(Prediction prediction, double sigma, double after, const at::Tensor& output,
                      const at::Tensor& latents) {
  const double square = sigma * sigma + 1.0;
  const at::Tensor clean = prediction == Prediction::Epsilon
                               ? latents - output * sigma
                               : latents * (1.0 / square) - output * (sigma / std::sqrt(square));
  return latents + (latents - clean) * ((after - sigma) / sigma);
}

// With the noise that the network predicted even where x0 is clipped.
at::Tensor ddim_step(const SamplerSettings& settings, const Level& s, const Level& t, const at::Tensor& output,
                     const at::Tensor& latents) {
  at::Tensor clean = clean_of(settings.prediction, s, output, latents);
  const at::Tensor noise = settings.prediction == Prediction::Epsilon ? output : output * s.alpha + latents * s.sigma;
  if (settings.clip_sample) clean = clean.clamp(-1.0, 1.0);
  return clean * t.alpha + noise * t.sigma;
}

}  // namespace

base::Result<Sampler> Sampler::make(const SamplerSettings& settings, int steps) {
  FM_ASSIGN(Schedule schedule, make_schedule(settings, steps));
  return Sampler(settings, std::move(schedule));
}

SamplerState Sampler::begin(int first) const {
  FM_CHECK(first >= 0 && first <= steps(), "a step outside the schedule");
  SamplerState state;
  state.step = first;
  return state;
}

double Sampler::timestep(const SamplerState& state) const {
  FM_CHECK(!done(state), "the timestep of a window that is done");
  return schedule_.timesteps[static_cast<std::size_t>(state.step)];
}

double Sampler::sigma(const SamplerState& state) const {
  return sigma_of_step(state.step);
}

double Sampler::initial_scale() const {
  if (settings_.kind != SamplerKind::Euler) return 1.0;
  const double greatest = schedule_.sigmas.front();
  return settings_.spacing == TimestepSpacing::Leading ? std::sqrt(greatest * greatest + 1.0) : greatest;
}

at::Tensor Sampler::add_noise(const SamplerState& state, const at::Tensor& clean, const at::Tensor& noise) const {
  if (settings_.kind == SamplerKind::Euler) return clean + noise * sigma(state);
  const Level level = level_of(settings_, sigma(state));
  return clean * level.alpha + noise * level.sigma;
}

at::Tensor Sampler::network_input(const SamplerState& state, const at::Tensor& latents) const {
  if (settings_.kind != SamplerKind::Euler) return latents;
  const double now = sigma(state);
  return latents / std::sqrt(now * now + 1.0);
}

at::Tensor Sampler::advance(SamplerState& state, const at::Tensor& output, const at::Tensor& latents) const {
  FM_CHECK(!done(state), "a step of a window that is done");
  const at::Tensor made = output.to(at::kFloat);
  at::Tensor from = latents.to(at::kFloat);
  const int step = state.step;
  const double now = sigma_of_step(step), after = sigma_of_step(step + 1);
  const Level s = level_of(settings_, now), t = level_of(settings_, after);
  const auto before = [&](int back) { return level_of(settings_, sigma_of_step(step - back)); };

  SamplerState next = state;
  next.step = step + 1;
  at::Tensor result;
  switch (settings_.kind) {
    case SamplerKind::FlowEuler:
      result = from + made * (after - now);
      break;
    case SamplerKind::Euler:
      result = euler_step(settings_.prediction, now, after, made, from);
      break;
    case SamplerKind::Ddim:
      result = ddim_step(settings_, s, t, made, from);
      break;
    case SamplerKind::Dpmpp2m: {
      next.prediction = clean_of(settings_.prediction, s, made, from);
      const bool last = step + 1 == steps() && (after == 0.0 || (settings_.lower_order_final && steps() < 15));
      next.order = state.order == 0 || last ? 1 : 2;
      result = next.order == 1 ? solve_order_1(s, t, from, next.prediction)
                               : solve_dpmpp_2m(before(1), s, t, from, state.prediction, next.prediction);
      break;
    }
    case SamplerKind::FlowUnipc:
    case SamplerKind::Unipc: {
      next.prediction = clean_of(settings_.prediction, s, made, from);
      next.prediction_before = state.prediction;
      if (state.order == 1)
        from = correct_unipc(nullptr, before(1), s, state.latents, {}, state.prediction, next.prediction);
      else if (state.order == 2) {
        const Level earlier = before(2);
        from = correct_unipc(&earlier, before(1), s, state.latents, state.prediction_before, state.prediction,
                             next.prediction);
      }
      next.latents = from;
      next.order = std::min({2, steps() - step, state.order + 1});
      result = next.order == 1 ? solve_order_1(s, t, from, next.prediction)
                               : solve_unipc(before(1), s, t, from, state.prediction, next.prediction);
      break;
    }
  }
  state = std::move(next);
  return result;
}

}  // namespace framemill::gpu
