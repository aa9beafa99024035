// The formulas of the solvers, without state. All of them step from level s to level t of a latent
// alpha x0 + sigma noise, with lambda = log(alpha / sigma) and h = lambda_t - lambda_s.
#pragma once

#include <ATen/ATen.h>

namespace framemill::gpu {

struct Level {
  double alpha = 1.0, sigma = 0.0;
  double lambda() const;  // infinite where sigma is 0
};

// Order 1, and what the solvers of order 2 begin with: `x0` is the network's prediction at s. Lu et al. 2022,
// "DPM-Solver++", equation 9; DDIM with eta = 0 is the same step.
at::Tensor solve_order_1(const Level& s, const Level& t, const at::Tensor& latents, const at::Tensor& x0);

// DPM-Solver++ (2M), midpoint: the same paper, algorithm 2. `x0_before` was predicted at `before`.
at::Tensor solve_dpmpp_2m(const Level& before, const Level& s, const Level& t, const at::Tensor& latents,
                          const at::Tensor& x0_before, const at::Tensor& x0);

// UniP of order 2 with B2(h): Zhao et al. 2023, "UniPC", algorithm 6 with the paper's a_1 = 1/2.
at::Tensor solve_unipc(const Level& before, const Level& s, const Level& t, const at::Tensor& latents,
                       const at::Tensor& x0_before, const at::Tensor& x0);

// UniC: the latents at t once more, from `latents` at s, now that the network has predicted `x0_after` at t. Of order 1
// without `before` (null), else of order 2: algorithm 5 of the same paper.
at::Tensor correct_unipc(const Level* before, const Level& s, const Level& t, const at::Tensor& latents,
                         const at::Tensor& x0_before, const at::Tensor& x0, const at::Tensor& x0_after);

}  // namespace framemill::gpu
