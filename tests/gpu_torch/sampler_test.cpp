// The sampler alone, with a denoiser that is a formula.
#include "gpu/torch/sampler.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

// The prompt's row is told by condition 1 and predicts ones everywhere, the negative prompt's by 0 and predicts zeros:
// what a step predicts under guidance is then the guidance scale itself.
struct CountingDenoiser {
  std::vector<std::int64_t> rows;
  at::Tensor operator()(const at::Tensor& noisy, const at::Tensor&, const at::Tensor& condition) {
    rows.push_back(noisy.size(0));
    return condition.to(at::kFloat).view({-1, 1, 1, 1, 1}).expand(noisy.sizes()).clone();
  }
};

Trajectory trajectory_of(int steps, double guidance, double min_level) {
  Trajectory t;
  t.steps = steps;
  t.guidance = guidance;
  t.guidance_min_level = min_level;
  t.guided = guidance != 1.0;
  t.latents = at::zeros({2, 1, 1, 1});
  t.clean = at::zeros({2}, at::kBool);
  t.condition = t.guided ? at::tensor({1, 0}, at::kLong).view({2, 1}) : at::ones({1, 1}, at::kLong);
  return t;
}

std::vector<std::int64_t> rows_of_run(Trajectory& t) {
  CountingDenoiser denoiser;
  while (t.step < t.steps) take_step({&t}, std::ref(denoiser));
  return denoiser.rows;
}

}  // namespace

TEST_CASE("guidance works at and above its least noise level, and below a step costs one row") {
  Trajectory whole = trajectory_of(4, 3.0, 0.0), upper = trajectory_of(4, 3.0, 0.5), none = trajectory_of(4, 1.0, 0.0);
  CHECK(rows_of_run(whole) == std::vector<std::int64_t>{2, 2, 2, 2});
  CHECK(rows_of_run(upper) == std::vector<std::int64_t>{2, 2, 2, 1});  // levels 1, 0.75, 0.5, 0.25
  CHECK(rows_of_run(none) == std::vector<std::int64_t>{1, 1, 1, 1});
  // The last step goes to level 0, where the latents are what it predicts.
  CHECK(whole.latents.eq(3.0).all().item<bool>());
  CHECK(upper.latents.eq(1.0).all().item<bool>());
  CHECK(none.latents.eq(1.0).all().item<bool>());
}

TEST_CASE("a batch may hold windows with and without guidance in their present step") {
  Trajectory early = trajectory_of(4, 3.0, 0.5), late = trajectory_of(4, 3.0, 0.5);
  CountingDenoiser denoiser;
  for (int i = 0; i < 3; ++i) take_step({&late}, std::ref(denoiser));
  take_step({&late, &early}, std::ref(denoiser));
  CHECK(denoiser.rows.back() == 3);
  CHECK(late.latents.eq(1.0).all().item<bool>());
  CHECK(early.latents.allclose(at::full({2, 1, 1, 1}, 0.75)));  // from 0 a quarter of the way to 3
}

TEST_CASE("rescaled guidance keeps the spread of the prompt's own prediction") {
  // The prompt's row predicts 0 and 2 (a spread of 1 about 1), the negative prompt's zeros: guidance 3 makes 0 and 6.
  const auto denoiser = [](const at::Tensor& noisy, const at::Tensor&, const at::Tensor& condition) {
    const at::Tensor shape = at::tensor({0.0f, 2.0f}).view({1, 2, 1, 1, 1}).expand(noisy.sizes());
    return shape * condition.to(at::kFloat).view({-1, 1, 1, 1, 1});
  };
  const auto last_frame = [&](double rescale) {
    Trajectory t = trajectory_of(1, 3.0, 0.0);
    t.guidance_rescale = rescale;
    take_step({&t}, denoiser);
    return t.latents[1].item<float>();
  };
  CHECK(last_frame(0.0) == Approx(6.0));
  CHECK(last_frame(0.5) == Approx(4.0));
  CHECK(last_frame(1.0) == Approx(2.0));
}

}  // namespace framemill::gpu
