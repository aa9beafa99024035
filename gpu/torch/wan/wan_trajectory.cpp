#include "gpu/torch/wan/wan_trajectory.h"

#include <algorithm>

namespace framemill::gpu {
namespace {

// One row of a call, and where its result goes.
struct PlannedRow {
  std::size_t window = 0;
  std::size_t branch = 0;  // index into WanTrajectory::texts
  Expert expert = Expert::Low;
  bool per_token = false;
};

Expert expert_of(const WanTrajectory& window, const WanStepping& stepping) {
  const bool two = stepping.boundary > 0.0;
  const double train_steps = window.sampler.settings().train_steps;
  return two && window.sampler.timestep(window.state) >= stepping.boundary * train_steps ? Expert::High : Expert::Low;
}

// On the CPU, where the network wants it.
at::Tensor level_of_row(const WanTrajectory& window, const WanStepping& stepping) {
  const double level = window.sampler.timestep(window.state);
  if (!window.clean.defined()) return at::full({}, level, at::kFloat);
  const std::int64_t cells =
      window.latents.size(2) / stepping.patch_height * (window.latents.size(3) / stepping.patch_width);
  return at::full({window.clean.size(0)}, level, at::kFloat)
      .masked_fill(window.clean, 0.0)
      .slice(0, 0, c10::nullopt, stepping.patch_time)
      .repeat_interleave(cells);
}

at::Tensor text_of_row(const at::Tensor& text, std::int64_t tokens) {
  return at::constant_pad_nd(text, {0, 0, 0, std::max<std::int64_t>(0, tokens - text.size(0))});
}

WanRows rows_of(const std::vector<WanTrajectory*>& batch, const std::vector<PlannedRow>& planned,
                const WanStepping& stepping) {
  std::vector<at::Tensor> latents, levels, texts;
  for (const PlannedRow& row : planned) {
    const WanTrajectory& window = *batch[row.window];
    at::Tensor input = window.sampler.network_input(window.state, window.latents);
    if (window.condition.defined()) input = at::cat({input, window.condition});
    latents.push_back(input);
    levels.push_back(level_of_row(window, stepping));
    texts.push_back(text_of_row(window.texts[row.branch], stepping.text_tokens));
  }
  return {planned.front().expert, at::stack(latents), at::stack(levels), at::stack(texts)};
}

// Rows in the order of windows, cut into calls.
std::vector<std::vector<PlannedRow>> plan_calls(const std::vector<WanTrajectory*>& batch, const WanStepping& stepping) {
  const auto most = static_cast<std::size_t>(rows_per_call(tokens_of(*batch.front(), stepping)));
  std::vector<std::vector<PlannedRow>> calls;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t branch = 0; branch < batch[i]->texts.size(); ++branch) {
      const PlannedRow row{i, branch, expert_of(*batch[i], stepping), batch[i]->clean.defined()};
      const auto fits = [&](const std::vector<PlannedRow>& call) {
        return call.size() < most && call.front().expert == row.expert && call.front().per_token == row.per_token &&
               (stepping.windows_share_calls || call.front().window == row.window);
      };
      const auto call = std::find_if(calls.begin(), calls.end(), fits);
      if (call == calls.end())
        calls.push_back({row});
      else
        call->push_back(row);
    }
  }
  return calls;
}

}  // namespace

std::int64_t tokens_of(const WanTrajectory& window, const WanStepping& stepping) {
  return window.latents.size(1) / stepping.patch_time * (window.latents.size(2) / stepping.patch_height) *
         (window.latents.size(3) / stepping.patch_width);
}

std::int64_t rows_per_call(std::int64_t tokens) {
  return std::max<std::int64_t>(1, kTokensPerCall / std::max<std::int64_t>(1, tokens));
}

void impose_known(WanTrajectory& window) {
  if (window.region.defined()) {
    const at::Tensor known = window.done()
                                 ? window.region_latents
                                 : window.sampler.add_noise(window.state, window.region_latents, window.noise);
    window.latents = at::where(window.region, known, window.latents);
  }
  if (window.clean.defined())
    window.latents =
        at::where(window.clean.to(window.latents.device()).view({1, -1, 1, 1}), window.given, window.latents);
}

void take_step(const std::vector<WanTrajectory*>& batch, const WanStepping& stepping, const WanDenoiser& denoiser) {
  std::vector<std::array<at::Tensor, 2>> made(batch.size());  // by window and branch
  for (const std::vector<PlannedRow>& call : plan_calls(batch, stepping)) {
    const at::Tensor output = denoiser(rows_of(batch, call, stepping)).to(at::kFloat);
    for (std::size_t i = 0; i < call.size(); ++i)
      made[call[i].window][call[i].branch] = output[static_cast<std::int64_t>(i)];
  }
  // The network is done: a batch advances whole or not at all.
  std::vector<SamplerState> states;
  std::vector<at::Tensor> latents;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const WanTrajectory& window = *batch[i];
    at::Tensor prediction = made[i][0];
    if (window.guided()) {
      const bool high = stepping.boundary <= 0.0 || expert_of(window, stepping) == Expert::High;
      prediction = made[i][1] + (prediction - made[i][1]) * (high ? window.guidance : window.guidance_low);
    }
    SamplerState state = window.state;
    latents.push_back(window.sampler.advance(state, prediction, window.latents));
    states.push_back(std::move(state));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->state = std::move(states[i]);
    batch[i]->latents = latents[i];
    impose_known(*batch[i]);
  }
}

}  // namespace framemill::gpu
