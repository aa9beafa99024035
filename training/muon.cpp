#include "training/muon.h"

#include <algorithm>
#include <cmath>

namespace framemill::train {
namespace {

constexpr double kMomentum = 0.95;
constexpr int kIterations = 5;

// Singular values of a matrix [m, n] towards one: the quintic Newton-Schulz iteration of Jordan et al. 2024, whose
// factors bring values between 0.01 and 1 to about 0.7 to 1.2 in five rounds.
at::Tensor orthogonal(const at::Tensor& matrix) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = (tall ? matrix.t() : matrix).div(matrix.norm() + 1e-7).to(at::kBFloat16).contiguous();
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor square = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(square, square, square, b, c), x, a);
  }
  return (tall ? x.t() : x).to(at::kFloat);
}

}  // namespace

bool is_hidden_matrix(const std::string& name, const at::Tensor& weight) {
  return weight.dim() == 2 && name.starts_with("layer") &&
         (name.ends_with("qkv.weight") || name.ends_with("attention_out.weight") || name.ends_with("mlp_in.weight") ||
          name.ends_with("mlp_out.weight"));
}

void muon_step(at::Tensor& weight, const at::Tensor& gradient, at::Tensor& momentum, double learning_rate,
               double weight_decay) {
  momentum.lerp_(gradient, 1.0 - kMomentum);
  const at::Tensor ahead = at::lerp(gradient, momentum, kMomentum);  // Nesterov's
  weight.mul_(1.0 - learning_rate * weight_decay);
  // Queries, keys and values are three matrices in one.
  const std::int64_t parts = weight.size(0) == 3 * weight.size(1) ? 3 : 1;
  const std::vector<at::Tensor> pieces = ahead.chunk(parts, 0);
  std::vector<at::Tensor> places = weight.chunk(parts, 0);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const double size = 0.2 * std::sqrt(static_cast<double>(std::max(pieces[i].size(0), pieces[i].size(1))));
    places[i].sub_(orthogonal(pieces[i]), learning_rate * size);
  }
}

}  // namespace framemill::train
