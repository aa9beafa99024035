#include "training/optimizer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "training/muon.h"

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
  std::vector<at::Tensor> weights, gradients, moments1, moments2, averages;  // AdamW's
  std::vector<at::Tensor> matrices, matrix_moments, matrix_averages;         // Muon's
  double squares = 0;
  for (const auto& [name, weight] : state.weights.table()) {
    if (!weight.grad().defined()) continue;
    squares += std::pow(weight.grad().norm().item<double>(), 2);
    if (settings.muon && is_hidden_matrix(name, weight)) {
      matrices.push_back(weight);
      matrix_moments.push_back(state.moment1[name]);
      matrix_averages.push_back(state.average[name]);
      continue;
    }
    weights.push_back(weight);
    gradients.push_back(weight.grad());
    moments1.push_back(state.moment1[name]);
    moments2.push_back(state.moment2[name]);
    averages.push_back(state.average[name]);
  }
  const double norm = std::sqrt(squares);
  if (std::isfinite(norm)) {
    const double clip = norm > settings.clip_norm ? norm / settings.clip_norm : 1.0;
    const std::vector<at::Tensor> steps(weights.size(), at::full({}, static_cast<double>(state.step), at::kFloat));
    at::_fused_adamw_(weights, gradients, moments1, moments2, {}, steps, learning_rate, settings.beta1, settings.beta2,
                      settings.weight_decay, 1e-8, false, false, at::full({}, clip, at::kFloat));
    for (std::size_t i = 0; i < matrices.size(); ++i)
      muon_step(matrices[i], matrices[i].grad(), matrix_moments[i], learning_rate, settings.weight_decay);
  }
  const double t = static_cast<double>(state.step);
  const double renewal = 1.0 - std::min(settings.average_decay, (1.0 + t) / (10.0 + t));
  at::_foreach_lerp_(averages, weights, renewal);
  for (at::Tensor& weight : weights) weight.mutable_grad() = at::Tensor();
  if (matrices.empty()) return norm;
  at::_foreach_lerp_(matrix_averages, matrices, renewal);
  for (at::Tensor& matrix : matrices) matrix.mutable_grad() = at::Tensor();
  return norm;
}

double scheduled_rate(double peak, std::int64_t step, std::int64_t steps) {
  const double warm = std::min(1.0, static_cast<double>(step + 1) / 100.0);
  const double progress = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, steps));
  const double fall = progress < 0.6 ? 1.0 : std::max(0.05, 1.0 - 0.95 * (progress - 0.6) / 0.4);
  return peak * warm * fall;
}

}  // namespace framemill::train
