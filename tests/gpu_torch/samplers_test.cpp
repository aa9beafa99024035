// The samplers against diffusers' schedulers: tools/reference/samplers.py recorded what those make of two formulas in
// place of a network, with the settings of their own tests (cases "public-...", named after the value in those tests)
// and with others.
#include "gpu/torch/samplers/sampler.h"

#include <ATen/Functions.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

constexpr std::int64_t kElements = 4 * 3 * 8 * 8;

at::Tensor reference_sample() {
  return (at::arange(kElements, at::kFloat).reshape({3, 8, 8, 4}) / kElements).permute({3, 0, 1, 2});
}
at::Tensor reference_noise() {
  return (at::arange(kElements, at::kFloat).flip(-1).reshape({3, 8, 8, 4}) / kElements).permute({3, 0, 1, 2});
}

at::Tensor stand_in_network(const std::string& model, const at::Tensor& x, double t) {
  if (model == "ratio") return x * t / (t + 1.0);
  return x * 0.9 * std::cos(t / 300.0) - at::sin(x * 3.0) * 0.3;
}

struct ReferenceCase {
  std::string line, name, model;
  SamplerSettings settings;
  int steps = 0, first = 0;
  bool fed = false;
  std::vector<double> timesteps, sigmas, latents;
};

void use_setting(ReferenceCase& c, const std::string& key, const std::string& value) {
  SamplerSettings& s = c.settings;
  if (key == "shift")
    s.shift = std::stod(value);
  else if (key == "last")
    s.last_sigma = LastSigma::Least;
  else if (key == "karras")
    s.karras = true;
  else if (key == "whole")
    s.lower_order_final = false;
  else if (key == "fed")
    c.fed = true;
  else if (key == "clip")
    s.clip_sample = false;
  else if (key == "train")
    s.train_steps = std::stoi(value);
  else if (key == "offset")
    s.timestep_offset = std::stoi(value);
  else if (key == "spacing")
    s.spacing = value == "leading" ? TimestepSpacing::Leading : TimestepSpacing::Trailing;
  else if (key == "betas") {
    s.betas = BetaSchedule::ScaledLinear;
    s.beta_first = 0.00085;
    s.beta_last = 0.012;
  } else
    FAIL("unknown setting " << key);
}

std::vector<ReferenceCase> reference_cases() {
  std::ifstream file(FRAMEMILL_SOURCE_DIR "/tests/gpu_torch/reference/samplers.txt");
  std::vector<ReferenceCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word, kind, prediction;
    words >> word;
    if (word == "case") {
      ReferenceCase& c = cases.emplace_back();
      c.line = line;
      words >> c.name >> kind >> prediction >> c.steps >> c.first >> c.model;
      c.settings.kind = sampler_kind_of(kind).value();
      c.settings.prediction = prediction_of(prediction).value();
      while (words >> word) use_setting(c, word.substr(0, word.find('=')), word.substr(word.find('=') + 1));
      continue;
    }
    ReferenceCase& c = cases.back();
    std::vector<double>& values = word == "timesteps" ? c.timesteps : word == "sigmas" ? c.sigmas : c.latents;
    for (double value = 0; words >> value;) values.push_back(value);
  }
  return cases;
}

at::Tensor run(const ReferenceCase& c, const Sampler& sampler) {
  SamplerState state = sampler.begin(c.first);
  at::Tensor x = c.model == "ratio" ? reference_sample() : reference_sample() * 4 - 2;
  x = c.first > 0 ? sampler.add_noise(state, x, reference_noise()) : x * sampler.initial_scale();
  while (!sampler.done(state)) {
    const at::Tensor input = sampler.network_input(state, x);
    if (c.fed) x = input;
    x = sampler.advance(state, stand_in_network(c.model, input, sampler.timestep(state)), x);
  }
  return x;
}

void check_levels(const std::vector<double>& ours, const std::vector<double>& wanted, int steps, double tolerance) {
  const std::size_t n = static_cast<std::size_t>(steps);
  const std::vector<std::size_t> at{0, std::min<std::size_t>(1, n - 1), n / 2, n - 1};
  for (std::size_t i = 0; i < at.size(); ++i) CHECK(ours[at[i]] == Approx(wanted[i]).epsilon(tolerance));
  double sum = 0;
  for (const double value : ours) sum += value;
  CHECK(sum == Approx(wanted[4]).epsilon(tolerance));
}

SamplerSettings flow_unipc(double shift) {
  SamplerSettings settings;
  settings.shift = shift;
  return settings;
}

}  // namespace

TEST_CASE("samplers go through the levels of diffusers' schedulers and give their latents") {
  const std::vector<ReferenceCase> cases = reference_cases();
  REQUIRE(cases.size() == 92);
  for (const ReferenceCase& c : cases) {
    INFO(c.line);
    const Sampler sampler = Sampler::make(c.settings, c.steps).value();
    check_levels(sampler.schedule().timesteps, c.timesteps, c.steps, 1e-7);
    if (!c.sigmas.empty()) check_levels(sampler.schedule().sigmas, c.sigmas, c.steps, 2e-6);
    const at::Tensor flat = run(c, sampler).flatten().to(at::kDouble);
    CHECK(flat.abs().sum().item<double>() == Approx(c.latents[0]).epsilon(1e-5));
    const std::int64_t at[] = {0, 100, 383, 500, 767};
    for (std::size_t i = 0; i < 5; ++i)
      CHECK(flat[at[i]].item<double>() == Approx(c.latents[i + 1]).epsilon(1e-5).margin(1e-5));
  }
}

TEST_CASE("windows at different steps share one call of the network and go on as they would by themselves") {
  for (const char* kind : {"flow_unipc", "flow_euler", "dpmpp_2m"}) {
    INFO(kind);
    SamplerSettings settings = flow_unipc(5.0);
    settings.kind = sampler_kind_of(kind).value();
    const std::vector<Sampler> samplers{Sampler::make(settings, 6).value(), Sampler::make(settings, 9).value()};
    const auto network = [](const at::Tensor& x, const at::Tensor& t) {
      return x * 0.9 * at::cos(t / 300.0).view({-1, 1, 1, 1}) - at::sin(x * 3.0) * 0.3;
    };
    const std::vector<at::Tensor> starts{reference_sample()[1] * 2 - 1, reference_noise()[2] * 2 - 1};
    const auto alone = [&](std::size_t w, at::Tensor x, SamplerState& state, int steps) {
      for (int i = 0; i < steps; ++i) {
        const at::Tensor level = at::full({1}, samplers[w].timestep(state));
        x = samplers[w].advance(state, network(x.unsqueeze(0), level)[0], x);
      }
      return x;
    };
    SamplerState first, second, reference_first, reference_second;
    at::Tensor a = alone(0, starts[0], first, 3), b = alone(1, starts[1], second, 1);
    while (!samplers[0].done(first)) {
      const at::Tensor levels =
          at::stack({at::full({}, samplers[0].timestep(first)), at::full({}, samplers[1].timestep(second))});
      const at::Tensor made = network(at::stack({a, b}), levels);
      a = samplers[0].advance(first, made[0], a);
      b = samplers[1].advance(second, made[1], b);
    }
    CHECK(a.equal(alone(0, starts[0], reference_first, 6)));
    CHECK(b.equal(alone(1, starts[1], reference_second, 4)));
  }
}

TEST_CASE("a copy of a sampler's state goes on where it was taken") {
  const Sampler sampler = Sampler::make(flow_unipc(3.0), 5).value();
  const auto go_on = [&](SamplerState& state, at::Tensor x) {
    while (!sampler.done(state)) x = sampler.advance(state, stand_in_network("wave", x, sampler.timestep(state)), x);
    return x;
  };
  SamplerState state = sampler.begin();
  at::Tensor x = reference_sample();
  for (int i = 0; i < 3; ++i) x = sampler.advance(state, stand_in_network("wave", x, sampler.timestep(state)), x);
  SamplerState copy = state;
  const at::Tensor kept = x.clone(), end = go_on(state, x);
  CHECK(copy.step == 3);
  CHECK(x.equal(kept));
  CHECK(end.equal(go_on(copy, kept)));
}

TEST_CASE("a step that fails leaves the window where it was") {
  const Sampler sampler = Sampler::make(flow_unipc(3.0), 5).value();
  SamplerState state = sampler.begin();
  const at::Tensor x = sampler.advance(state, reference_noise(), reference_sample());
  const SamplerState before = state;
  CHECK_THROWS(sampler.advance(state, at::zeros({5, 5}), x));
  CHECK(state.step == before.step);
  CHECK(state.prediction.is_same(before.prediction));
  CHECK(state.latents.is_same(before.latents));
}

TEST_CASE("half-precision predictions are applied in float32") {
  const Sampler sampler = Sampler::make(flow_unipc(3.0), 2).value();
  SamplerState half, full;
  const at::Tensor output = reference_noise().to(at::kBFloat16);
  const at::Tensor x = sampler.advance(half, output, reference_sample());
  CHECK(x.scalar_type() == at::kFloat);
  CHECK(x.equal(sampler.advance(full, output.to(at::kFloat), reference_sample())));
}

TEST_CASE("a perfect prediction of the flow ends at the clean latents from any first step") {
  const at::Tensor clean = reference_sample() * 2 - 1, noise = reference_noise() * 3 - 1;
  for (const char* kind : {"flow_unipc", "flow_euler", "dpmpp_2m"})
    for (const int first : {0, 1, 7, 20}) {
      INFO(kind << " from step " << first);
      SamplerSettings settings = flow_unipc(5.0);
      settings.kind = sampler_kind_of(kind).value();
      const Sampler sampler = Sampler::make(settings, 20).value();
      SamplerState state = sampler.begin(first);
      at::Tensor x = sampler.add_noise(state, clean, noise);
      while (!sampler.done(state)) x = sampler.advance(state, noise - clean, x);
      CHECK(sampler.sigma(state) == 0.0);
      CHECK(x.allclose(clean, 1e-5, 1e-5));
    }
}

TEST_CASE("settings that a sampler cannot use are refused with their field") {
  const auto refused = [](SamplerSettings settings, int steps) {
    const auto made = Sampler::make(settings, steps);
    REQUIRE_FALSE(made.ok());
    return made.error().code + " " + made.error().field;
  };
  SamplerSettings settings = flow_unipc(5.0);
  CHECK(refused(settings, 0) == "model.steps steps");
  CHECK(refused(settings, 1001) == "model.steps steps");
  CHECK(refused(flow_unipc(0.0), 4) == "model.sampler sampler.noise_shift");
  CHECK(refused(flow_unipc(std::nan("")), 4) == "model.sampler sampler.noise_shift");
  settings.prediction = Prediction::Epsilon;
  CHECK(refused(settings, 4) == "model.sampler sampler.kind");
  settings.kind = SamplerKind::Ddim;
  settings.karras = true;
  CHECK(refused(settings, 4) == "model.sampler sampler.karras");
  settings.karras = false;
  settings.beta_last = 1.0;
  CHECK(refused(settings, 4) == "model.sampler sampler.beta_first");
  settings.beta_last = 0.02;
  settings.timestep_offset = 1;
  CHECK(refused(settings, 1000) == "model.sampler sampler.timestep_offset");  // timesteps 1 to 1000, of 0 to 999
  CHECK(Sampler::make(settings, 999).ok());
  settings.prediction = Prediction::Flow;
  CHECK(refused(settings, 4) == "model.sampler sampler.kind");
  settings = {};
  settings.kind = SamplerKind::Unipc;
  settings.prediction = Prediction::V;
  CHECK(refused(settings, 1000) == "model.steps steps");  // order 2 leaves one out: two would be equal
  CHECK(Sampler::make(settings, 999).ok());
}

}  // namespace framemill::gpu
