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

TEST_CASE("the network sees given frames through noise, at most as much as the window has left") {
  Trajectory t = trajectory_of(4, 1.0, 0.0);
  t.context_noise_level = 0.3;
  t.noise = at::full({2, 1, 1, 1}, 2.0);
  t.latents = t.noise.clone();
  t.given = at::ones({2, 1, 1, 1});
  t.clean[0].fill_(true);
  impose_known(t);
  std::vector<float> seen, levels;
  while (t.step < t.steps)
    take_step({&t}, [&](const at::Tensor& noisy, const at::Tensor& level, const at::Tensor&) {
      seen.push_back(noisy[0][0].item<float>());
      levels.push_back(level[0][0].item<float>());
      CHECK(level[0][1].item<float>() == Approx(noise_level(t.step, t.steps, t.shift)));
      return at::zeros_like(noisy);
    });
  CHECK(levels == std::vector<float>{0.3f, 0.3f, 0.3f, 0.25f});
  CHECK(seen[0] == Approx(1.3));  // 0.7 of the 1 that is given, 0.3 of a noise of 2
  CHECK(seen[3] == Approx(1.25));
  CHECK(t.latents[0].item<float>() == 1.0f);  // given, whatever the network saw and made
}

}  // namespace framemill::gpu
