// The Wan generator over small random packages: what is promised of it holds whatever the weights.
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "gpu/noise.h"
#include "gpu/torch/load/load_generator.h"
#include "gpu/torch/mapped_weights.h"
#include "gpu/torch/tensor_blocks.h"
#include "gpu/torch/wan/autoencoder.h"
#include "gpu/torch/wan/transformer.h"
#include "gpu/torch/wan/umt5.h"
#include "gpu/torch/wan/wan_components.h"
#include "gpu/torch/wan/wan_facts.h"
#include "gpu/torch/wan/wan_trajectory.h"
#include "models/package.h"
#include "models/text/tokenizer.h"
#include "tests/gpu_torch/small_wan.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

std::unique_ptr<Generator> wan_of(const SmallWanPackage& package, std::uint64_t budget_bytes = 0,
                                  const GeneratorHooks& hooks = {}) {
  DeviceSpec device;
  device.threads = 1;
  device.memory_budget_bytes = budget_bytes;
  auto generator = load_torch_generator(package.directory(), device, hooks);
  INFO((generator.ok() ? "" : generator.error().message));
  REQUIRE(generator.ok());
  return std::move(generator).value();
}

WindowRequest wan_request(const char* prompt, std::uint64_t seed, int steps = 4) {
  WindowRequest request;
  request.prompt = prompt;
  request.seed = seed;
  request.steps = steps;
  return request;
}

std::unique_ptr<Window> begun_window(Generator& generator, const WindowRequest& request) {
  auto window = generator.begin(request);
  INFO((window.ok() ? "" : window.error().message));
  REQUIRE(window.ok());
  return std::move(window).value();
}

LatentBlock latents_of_window(Generator& generator, Window& window) {
  while (!window.done()) {
    Window* const one[] = {&window};
    REQUIRE(generator.step(one).ok());
  }
  auto block = generator.finish(window);
  INFO((block.ok() ? "" : block.error().message));
  REQUIRE(block.ok());
  return std::move(block).value();
}

LatentBlock made_window(Generator& generator, const WindowRequest& request) {
  return latents_of_window(generator, *begun_window(generator, request));
}

float farthest(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// The loop written out once more, a branch at a time, from the networks and the sampler alone.
LatentBlock by_hand(const SmallWanPackage& small, const WindowRequest& request, int frames) {
  at::NoGradGuard no_grad;
  const models::Package package = models::open_package(small.directory()).value();
  const WanFacts facts(package.manifest);
  const auto weights_of = [&](models::ComponentRole role) {
    return MappedWeights::open(package, *package.manifest.component(role), {}).value().load(at::kCPU, {});
  };
  const auto denoiser = weights_of(models::ComponentRole::Denoiser);
  const auto encoder = weights_of(models::ComponentRole::TextEncoder);
  const auto tokenizer = models::Tokenizer::open(package.directory / "tokenizer.json").value();
  const auto embedded = [&](const std::string& text) {
    at::Tensor tokens = at::zeros({1, 24}, at::kLong), mask = at::zeros({1, 24}, at::kLong);
    const std::vector<int> ids = tokenizer->encode(text, 24).ids;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      tokens[0][static_cast<std::int64_t>(i)] = ids[i];
      mask[0][static_cast<std::int64_t>(i)] = 1;
    }
    return umt5_encode(encoder->parameters, facts.text_encoder(), tokens, mask, at::kFloat);
  };
  at::Tensor latents = at::empty({frames, 16, 2, 2}, at::kFloat);
  for (int i = 0; i < frames; ++i)
    fill_normals({request.seed, request.first_frame + i, NoiseStream::Latent, 0},
                 {latents[i].mutable_data_ptr<float>(), 64});
  latents = latents.permute({1, 0, 2, 3}).contiguous();
  const Sampler sampler = Sampler::make(sampler_settings(package.manifest), request.steps).value();
  SamplerState state = sampler.begin();
  while (!sampler.done(state)) {
    const auto predicted = [&](const std::string& text) {
      WanInputs inputs;
      inputs.latents = latents.unsqueeze(0);
      inputs.level = at::full({1}, sampler.timestep(state), at::kFloat);
      inputs.text = embedded(text);
      return wan_predict(denoiser->parameters, facts.transformer(), inputs, at::kFloat)[0];
    };
    const at::Tensor negative = predicted("blurred"), prompted = predicted(request.prompt);
    latents = sampler.advance(state, negative + (prompted - negative) * 5.0, latents);
  }
  return block_of(latents.permute({1, 0, 2, 3}));
}

TEST_CASE("a Wan package says what it is") {
  const SmallWanPackage package;
  const auto generator = wan_of(package);
  CHECK(generator->name() == "small-wan@1");
  CHECK(generator->window_frames() == 3);
  CHECK(generator->width() == 16);
  CHECK(generator->predicted_step_bytes({3, 64, 64}, 1) > generator->predicted_step_bytes({}, 1));
  CHECK(generator->predicted_decode_bytes({9, 16, 16}, 1) == generator->predicted_decode_bytes({3, 16, 16}, 1));
}

TEST_CASE("a window of text to video is what the networks and the sampler make of it") {
  const SmallWanPackage package;
  const auto generator = wan_of(package);
  const WindowRequest request = wan_request("a slow wave", 7);
  const LatentBlock made = made_window(*generator, request);
  CHECK(made.frames == 3);
  CHECK(made == made_window(*generator, request));
  CHECK(farthest(made.values, by_hand(package, request, 3).values) <= 1e-4f);
  CHECK(farthest(made.values, made_window(*generator, wan_request("a slow wave", 8)).values) > 0.1f);
  CHECK(made != made_window(*generator, wan_request("a ship", 7)));
}

TEST_CASE("windows at different steps share a batch and come out as alone") {
  const SmallWanPackage package;
  const auto generator = wan_of(package);
  const LatentBlock alone = made_window(*generator, wan_request("sea", 1));
  const auto window = begun_window(*generator, wan_request("sea", 1));
  const auto other = begun_window(*generator, wan_request("a city at night", 2, 6));
  CHECK(generator->batch_key(*window) == generator->batch_key(*other));
  Window* const late[] = {other.get()};
  REQUIRE(generator->step(late).ok());
  Window* const both[] = {other.get(), window.get()};
  while (!window->done()) REQUIRE(generator->step(both).ok());
  CHECK(other->step() == 5);
  CHECK(farthest(generator->finish(*window)->values, alone.values) <= 1e-4f);
}

TEST_CASE("sizes and lengths are the request's, within the package's limits") {
  const SmallWanPackage package;
  const auto generator = wan_of(package);
  WindowRequest request = wan_request("sea", 1, 1);
  request.width = 48;
  request.height = 32;
  request.frames = 5;
  const auto window = begun_window(*generator, request);
  CHECK(generator->batch_key(*window) != generator->batch_key(*begun_window(*generator, wan_request("sea", 1))));
  const LatentBlock block = latents_of_window(*generator, *window);
  CHECK(block.frames == 5);
  CHECK(block.height == 4);
  CHECK(block.width == 6);
  const LatentBlock* const one[] = {&block};
  const ImageBlock pictures = std::move(generator->decode(one)->front());
  CHECK(pictures.frames == 17);
  CHECK(pictures.width == 48);
  CHECK(pictures.height == 32);
  CHECK(std::all_of(pictures.values.begin(), pictures.values.end(), [](float v) { return v >= 0.0f && v <= 1.0f; }));
  request.width = 40;
  CHECK(generator->begin(request).error().code == "model.size");
  request.width = 128;
  CHECK(generator->begin(request).error().code == "model.size");
  request.width = 48;
  request.frames = 10;
  CHECK(generator->begin(request).error().code == "model.frames");
}

TEST_CASE("pictures come a latent frame at a time") {
  const SmallWanPackage package;
  const auto generator = wan_of(package);
  const LatentBlock block = made_window(*generator, wan_request("sea", 3));
  const auto decoding = std::move(generator->begin_decode(block)).value();
  std::vector<int> pieces;
  while (!decoding->done()) {
    Decoding* const one[] = {decoding.get()};
    pieces.push_back(generator->decode_next(one)->front().frames);
  }
  CHECK(pieces == std::vector<int>{1, 4, 4});
}

TEST_CASE("a chain begins with the last picture of the window before, bit for bit") {
  const SmallWanPackage package({.begins_with_frames = true});
  const auto generator = wan_of(package);
  const LatentBlock before = made_window(*generator, wan_request("sea", 3));
  const LatentBlock context = generator->context(before, 1).value();
  CHECK(context.frames == 1);
  const LatentBlock* const one[] = {&before};
  const ImageBlock pictures = std::move(generator->decode(one)->front());
  CHECK(generator->encode(slice_frames(pictures, pictures.frames - 1, 1)).value().values.size() ==
        context.values.size());
  WindowRequest request = wan_request("sea", 3);
  request.first_frame = 2;
  const LatentBlock unrelated = made_window(*generator, request);
  request.clean_frames = {0};
  request.clean_latents = context;
  const LatentBlock next = made_window(*generator, request);
  CHECK(slice_frames(next, 0, 1) == context);
  CHECK(farthest(slice_frames(next, 1, 2).values, slice_frames(unrelated, 1, 2).values) > 1e-3f);
  const SmallWanPackage text_alone;
  CHECK(wan_of(text_alone)->begin(request).error().code == "model.context");
}

TEST_CASE("networks that do not fit the budget together take turns, and change nothing") {
  const SmallWanPackage package({.two_experts = true});
  const auto generator = wan_of(package);
  const LatentBlock made = made_window(*generator, wan_request("sea", 3, 8));
  const std::uint64_t all = generator->memory().resident_bytes;
  CHECK(made_window(*wan_of(package, 8 << 20), wan_request("sea", 3, 8)) == made);
  std::vector<std::string> loads;
  GeneratorHooks hooks;
  hooks.loading = [&](const std::string& part, double share) {
    if (share == 1.0) loads.push_back(part);
  };
  const auto told = wan_of(package, 0, hooks);
  CHECK(loads.front() == "small-wan@1");
  CHECK(std::find(loads.begin(), loads.end(), "denoiser_high_noise of small-wan@1") != loads.end());
  CHECK(all > told->memory().resident_bytes);  // no text encoder without a prompt
}

TEST_CASE("the network used longest ago is unloaded for another, unless it is at work") {
  const SmallWanPackage package({.two_experts = true});
  const models::Package opened = models::open_package(package.directory()).value();
  WanComponents components = WanComponents::open(opened, at::kCPU, 200'000, {}).value();
  const auto bytes = [&](models::ComponentRole role) { return components.use(role, 0)->bytes; };
  const std::uint64_t denoiser = bytes(models::ComponentRole::Denoiser);
  const std::uint64_t encoder = bytes(models::ComponentRole::TextEncoder);
  CHECK(components.resident_bytes() == denoiser + encoder);
  const std::uint64_t high = bytes(models::ComponentRole::DenoiserHighNoise);
  CHECK(components.resident_bytes() == encoder + high);
  const auto at_work = components.use(models::ComponentRole::TextEncoder, 0);
  components.use(models::ComponentRole::Denoiser, 100'000);
  CHECK(components.resident_bytes() == encoder + denoiser);
  CHECK(components.use(models::ComponentRole::TextEncoder, 0) == at_work);
}

TEST_CASE("weights are read in place where they are what the network computes with") {
  const SmallWanPackage package;
  const models::Package opened = models::open_package(package.directory()).value();
  const auto part = [&](models::ComponentRole role) {
    const MappedWeights weights = MappedWeights::open(opened, *opened.manifest.component(role), {}).value();
    const auto loaded = weights.load(at::kCPU, {});
    CHECK(loaded->bytes == weights.loaded_bytes());
    return loaded->mapped_bytes == loaded->bytes;
  };
  CHECK(part(models::ComponentRole::Denoiser));
  CHECK(part(models::ComponentRole::Autoencoder));
  std::ofstream(package.directory() / "vae.safetensors", std::ios::in | std::ios::out | std::ios::binary).seekp(9000)
      << "?";
  CHECK(load_torch_generator(package.directory(), {DeviceKind::Cpu, 0, 1, 0}).error().code == "model.digest_mismatch");
}

TEST_CASE("a package that computes in bfloat16 makes pictures, and windows do not share its calls") {
  const SmallWanPackage package({.bfloat16 = true});
  const auto generator = wan_of(package);
  const LatentBlock alone = made_window(*generator, wan_request("sea", 1));
  const auto window = begun_window(*generator, wan_request("sea", 1));
  const auto other = begun_window(*generator, wan_request("ship", 2));
  Window* const both[] = {other.get(), window.get()};
  while (!window->done()) REQUIRE(generator->step(both).ok());
  CHECK(*generator->finish(*window) == alone);
}

TEST_CASE("rows go to the expert of their noise level, in calls of a bounded number of tokens") {
  WanStepping stepping;
  stepping.boundary = 0.5;
  stepping.text_tokens = 4;
  SamplerSettings settings;
  settings.shift = 1.0;
  const Sampler sampler = Sampler::make(settings, 4).value();
  const auto window = [&](int step) {
    WanTrajectory t{sampler, sampler.begin(), {}, {}, {}, {}, {}, {}, {}, {}, 2.0, 3.0};
    t.state.step = step;
    t.latents = t.noise = at::ones({1, 1, 4, 4});
    t.texts = {at::ones({2, 3}), at::zeros({1, 3})};
    return t;
  };
  WanTrajectory early = window(0), late = window(3);
  std::string calls;
  take_step({&early, &late}, stepping, [&](const WanRows& rows) {
    calls += (rows.expert == Expert::High ? "high " : "low ") + std::to_string(rows.latents.size(0)) + " ";
    CHECK(rows.text.sizes().vec() == std::vector<std::int64_t>{2, 4, 3});
    return at::zeros_like(rows.latents);
  });
  CHECK(calls == "high 2 low 2 ");
  CHECK(early.state.step == 1);
  CHECK(late.done());
  CHECK(rows_per_call(32'760) == 1);
  CHECK(rows_per_call(4'096) == 4);
}

}  // namespace
}  // namespace framemill::gpu
