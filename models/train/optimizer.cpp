#include "models/train/optimizer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace framemill::train {

bool is_statistic(const std::string& name) {
  return name.starts_with("latent.");
}

TrainingState start_training(const gpu::Parameters& weights) {
  TrainingState state;
  for (const auto& [name, tensor] : weights.table()) {
    at::Tensor leaf = tensor.detach().clone();
    if (!is_statistic(name)) leaf.requires_grad_(true);
    state.weights.set(name, leaf);
    state.average.set(name, tensor.detach().clone());
    state.moment1.set(name, at::zeros_like(tensor));
    state.moment2.set(name, at::zeros_like(tensor));
  }
  return state;
}

double optimizer_step(TrainingState& state, const OptimizerSettings& settings, double learning_rate) {
  at::NoGradGuard no_grad;
  ++state.step;
  double squares = 0;
  for (const auto& [name, weight] : state.weights.table()) {
    if (weight.grad().defined()) squares += weight.grad().square().sum().item<double>();
  }
  const double norm = std::sqrt(squares);
  const bool finite = std::isfinite(norm);
  const double clip = norm > settings.clip_norm ? settings.clip_norm / norm : 1.0;
  const double t = static_cast<double>(state.step);
  const double correction1 = 1.0 - std::pow(settings.beta1, t), correction2 = 1.0 - std::pow(settings.beta2, t);
  const double decay = std::min(settings.average_decay, (1.0 + t) / (10.0 + t));
  for (const auto& [name, weight] : state.weights.table()) {
    at::Tensor leaf = weight;
    if (!leaf.grad().defined() || is_statistic(name)) {
      at::Tensor(state.average[name]).copy_(leaf);
      continue;
    }
    if (finite) {
      const at::Tensor gradient = leaf.grad() * clip;
      at::Tensor m = state.moment1[name], v = state.moment2[name];
      m.lerp_(gradient, 1.0 - settings.beta1);
      v.mul_(settings.beta2).addcmul_(gradient, gradient, 1.0 - settings.beta2);
      if (leaf.dim() > 1) leaf.mul_(1.0 - learning_rate * settings.weight_decay);
      leaf.addcdiv_(m, (v / correction2).sqrt_().add_(1e-8), -learning_rate / correction1);
    }
    at::Tensor(state.average[name]).lerp_(leaf, 1.0 - decay);
    leaf.mutable_grad() = at::Tensor();
  }
  return norm;
}

double scheduled_rate(double peak, std::int64_t step, std::int64_t steps) {
  const double warm = std::min(1.0, static_cast<double>(step + 1) / 100.0);
  const double progress = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, steps));
  const double fall = progress < 0.6 ? 1.0 : std::max(0.05, 1.0 - 0.95 * (progress - 0.6) / 0.4);
  return peak * warm * fall;
}

}  // namespace framemill::train
