#include "gpu/torch/samplers/solver.h"

#include <cmath>

namespace framemill::gpu {

double Level::lambda() const {
  return std::log(alpha) - std::log(sigma);
}

at::Tensor solve_order_1(const Level& s, const Level& t, const at::Tensor& latents, const at::Tensor& x0) {
  const double h = t.lambda() - s.lambda();
  return latents * (t.sigma / s.sigma) - x0 * (t.alpha * std::expm1(-h));
}

at::Tensor solve_dpmpp_2m(const Level& before, const Level& s, const Level& t, const at::Tensor& latents,
                          const at::Tensor& x0_before, const at::Tensor& x0) {
  const double h = t.lambda() - s.lambda();
  const double ratio = (s.lambda() - before.lambda()) / h;
  const at::Tensor slope = (x0 - x0_before) * (1.0 / ratio);
  return solve_order_1(s, t, latents, x0) - slope * (0.5 * t.alpha * std::expm1(-h));
}

at::Tensor solve_unipc(const Level& before, const Level& s, const Level& t, const at::Tensor& latents,
                       const at::Tensor& x0_before, const at::Tensor& x0) {
  const double h = t.lambda() - s.lambda();
  const double ratio = (before.lambda() - s.lambda()) / h;
  const at::Tensor slope = (x0_before - x0) * (1.0 / ratio);
  return solve_order_1(s, t, latents, x0) - slope * (0.5 * t.alpha * std::expm1(-h));
}

at::Tensor correct_unipc(const Level* before, const Level& s, const Level& t, const at::Tensor& latents,
                         const at::Tensor& x0_before, const at::Tensor& x0, const at::Tensor& x0_after) {
  const double h = t.lambda() - s.lambda();
  const double b_of_h = std::expm1(-h);
  const at::Tensor base = solve_order_1(s, t, latents, x0);
  const at::Tensor change = x0_after - x0;
  if (before == nullptr) return base - change * (0.5 * t.alpha * b_of_h);
  const double ratio = (before->lambda() - s.lambda()) / h;
  // The paper's system of two equations, c_1 + c_2 = b_1 and ratio c_1 + c_2 = b_2.
  const double phi_2 = b_of_h / -h - 1.0;
  const double phi_3 = phi_2 / -h - 0.5;
  const double b_1 = phi_2 / b_of_h, b_2 = 2.0 * phi_3 / b_of_h;
  const double c_1 = (b_1 - b_2) / (1.0 - ratio), c_2 = b_1 - c_1;
  const at::Tensor slope = (x0_before - x0) * (1.0 / ratio);
  return base - (slope * c_1 + change * c_2) * (t.alpha * b_of_h);
}

}  // namespace framemill::gpu
