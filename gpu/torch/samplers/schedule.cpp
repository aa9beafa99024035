#include "gpu/torch/samplers/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error_code.h"

namespace framemill::gpu {
namespace {

constexpr base::Names<SamplerKind, 6> kSamplerKinds{{"flow_euler", "flow_unipc", "unipc", "dpmpp_2m", "ddim", "euler"}};
constexpr base::Names<Prediction, 3> kPredictions{{"flow", "epsilon", "v"}};
constexpr double kShiftMax = 1000.0;
constexpr int kTrainStepsMax = 100'000;

double as_float(double value) {
  return static_cast<double>(static_cast<float>(value));
}

base::Error bad_sampler(std::string message, std::string field) {
  return {"model.sampler", std::move(message), std::move(field), ""};
}

base::Status check_settings(const SamplerSettings& s, int steps) {
  const bool flow = s.prediction == Prediction::Flow;
  const bool needs_flow = s.kind == SamplerKind::FlowEuler || s.kind == SamplerKind::FlowUnipc;
  if (flow != needs_flow && !(flow && s.kind == SamplerKind::Dpmpp2m))
    return bad_sampler(
        fmt::format("sampler \"{}\" cannot use a network that predicts \"{}\"", text_of(s.kind), text_of(s.prediction)),
        "sampler.kind");
  if (s.train_steps < 1 || s.train_steps > kTrainStepsMax)
    return bad_sampler(fmt::format("train_steps is {}; it must be 1 to {}", s.train_steps, kTrainStepsMax),
                       "sampler.train_steps");
  if (!(s.shift > 0.0 && s.shift <= kShiftMax))
    return bad_sampler(fmt::format("noise_shift is {}; it must be above 0 and at most {}", s.shift, kShiftMax),
                       "sampler.noise_shift");
  if (!(s.beta_first > 0.0 && s.beta_first <= s.beta_last && s.beta_last < 1.0))
    return bad_sampler("betas must be above 0, below 1 and must not fall", "sampler.beta_first");
  if (s.karras && (flow || s.kind == SamplerKind::Ddim))
    return bad_sampler(fmt::format("sampler \"{}\" has no karras sigmas", text_of(s.kind)), "sampler.karras");
  if (s.timestep_offset < 0 || s.timestep_offset >= s.train_steps)
    return bad_sampler("timestep_offset must be 0 or more and less than train_steps", "sampler.timestep_offset");
  if (steps < 1 || steps > s.train_steps)
    return base::Error{"model.steps", fmt::format("{} steps; a sampler takes 1 to {}", steps, s.train_steps), "steps",
                       ""};
  return {};
}

template <class Real>
Real shifted(Real level, Real shift) {
  return shift * level / (Real{1} + (shift - Real{1}) * level);
}

// numpy.linspace
double between(double first, double last, int i, int intervals) {
  return i == intervals ? last : first + static_cast<double>(i) * ((last - first) / intervals);
}

// Esser et al. 2024, section 5.3.2. The least level is shifted twice, as diffusers does it: networks are used with these
// levels, so they are the ones to go through.
Schedule flow_euler_schedule(const SamplerSettings& s, int steps) {
  const auto least =
      static_cast<double>(shifted(1.0f / static_cast<float>(s.train_steps), static_cast<float>(s.shift)));
  Schedule schedule;
  for (int i = 0; i < steps; ++i) {
    const double level = steps == 1 ? 1.0 : between(s.train_steps, least * s.train_steps, i, steps - 1) / s.train_steps;
    schedule.sigmas.push_back(as_float(shifted(level, s.shift)));
    schedule.timesteps.push_back(as_float(schedule.sigmas.back() * s.train_steps));
  }
  schedule.sigmas.push_back(0.0);
  return schedule;
}

// The multistep solvers tell the network whole timesteps, cut and not rounded.
Schedule flow_multistep_schedule(const SamplerSettings& s, int steps) {
  const double least = 1.0 / s.train_steps;
  Schedule schedule;
  for (int i = 0; i < steps; ++i) {
    double sigma = 0.0;
    if (s.kind == SamplerKind::FlowUnipc) {
      sigma = shifted(between(1.0, least, i, steps), s.shift);
      // At 1 the latent holds nothing of x0, and the logarithm of its part is infinite.
      if (i == 0) sigma -= 1e-6;
    } else {
      sigma = shifted(1.0 - between(1.0, least, steps - i, steps), s.shift);
    }
    schedule.timesteps.push_back(std::trunc(sigma * s.train_steps));
    schedule.sigmas.push_back(as_float(sigma));
  }
  schedule.sigmas.push_back(0.0);
  return schedule;
}

// sigma of every trained timestep, ascending. Betas and their product are float32 with a double accumulator.
std::vector<double> trained_sigmas(const SamplerSettings& s) {
  const bool scaled = s.betas == BetaSchedule::ScaledLinear;
  const auto first = static_cast<float>(scaled ? std::sqrt(s.beta_first) : s.beta_first);
  const auto last = static_cast<float>(scaled ? std::sqrt(s.beta_last) : s.beta_last);
  const int n = s.train_steps;
  const float step = n > 1 ? (last - first) / static_cast<float>(n - 1) : 0.0f;
  std::vector<double> sigmas;
  double product = 1.0;
  for (int i = 0; i < n; ++i) {
    float beta = i < n / 2 ? first + step * static_cast<float>(i) : last - step * static_cast<float>(n - 1 - i);
    if (scaled) beta *= beta;
    product *= static_cast<double>(1.0f - beta);
    const auto kept = static_cast<float>(product);
    sigmas.push_back(static_cast<double>(std::sqrt((1.0f - kept) / kept)));
  }
  return sigmas;
}

// Linear between the trained timesteps.
double sigma_at(const std::vector<double>& trained, double timestep) {
  const double place = std::clamp(timestep, 0.0, static_cast<double>(trained.size() - 1));
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= trained.size()) return trained.back();
  return trained[below] + (place - static_cast<double>(below)) * (trained[below + 1] - trained[below]);
}

// The way back, linear in the logarithm.
double timestep_of(const std::vector<double>& trained, double sigma) {
  const auto above = std::upper_bound(trained.begin(), trained.end(), sigma);
  if (above == trained.begin()) return 0.0;
  if (above == trained.end()) return static_cast<double>(trained.size() - 1);
  const double low = std::log(*(above - 1)), high = std::log(*above);
  return static_cast<double>(above - 1 - trained.begin()) +
         std::clamp((std::log(sigma) - low) / (high - low), 0.0, 1.0);
}

// Falling. The solvers of order 2 leave out one more value at the clean end than the others.
std::vector<double> spaced_timesteps(const SamplerSettings& s, int steps) {
  const TimestepSpacing spacing =
      s.spacing.value_or(s.kind == SamplerKind::Ddim ? TimestepSpacing::Leading : TimestepSpacing::Linspace);
  const bool multistep = s.kind == SamplerKind::Unipc || s.kind == SamplerKind::Dpmpp2m;
  const double last = s.train_steps - 1;
  std::vector<double> timesteps;
  for (int i = 0; i < steps; ++i) {
    const int place = multistep ? steps - i : steps - 1 - i;  // counted from the clean end
    switch (spacing) {
      case TimestepSpacing::Linspace: {
        const int intervals = multistep ? steps : steps - 1;
        const double t = intervals == 0 ? 0.0 : between(0.0, last, place, intervals);
        // Euler alone has timesteps between the trained ones.
        timesteps.push_back(s.kind == SamplerKind::Euler ? as_float(t) : std::nearbyint(t));
        break;
      }
      case TimestepSpacing::Leading:
        timesteps.push_back(place * (s.train_steps / (multistep ? steps + 1 : steps)) + s.timestep_offset);
        break;
      case TimestepSpacing::Trailing:
        timesteps.push_back(std::nearbyint(s.train_steps - i * (static_cast<double>(s.train_steps) / steps)) - 1.0);
        break;
    }
  }
  return timesteps;
}

void use_karras_sigmas(const SamplerSettings& s, const std::vector<double>& trained, Schedule& schedule) {
  const double rho = 7.0;
  // Euler takes the range from its own timesteps, the solvers from what was trained.
  const bool euler = s.kind == SamplerKind::Euler;
  const double least = std::pow(euler ? schedule.sigmas.back() : trained.front(), 1.0 / rho);
  const double greatest = std::pow(euler ? schedule.sigmas.front() : trained.back(), 1.0 / rho);
  const int steps = schedule.steps();
  for (int i = 0; i < steps; ++i) {
    const double ramp = steps == 1 ? 0.0 : between(0.0, 1.0, i, steps - 1);
    const double sigma = std::pow(greatest + ramp * (least - greatest), rho);
    const double timestep = timestep_of(trained, sigma);
    schedule.sigmas[static_cast<std::size_t>(i)] = as_float(sigma);
    schedule.timesteps[static_cast<std::size_t>(i)] = euler ? as_float(timestep) : std::nearbyint(timestep);
  }
}

base::Result<Schedule> diffusion_schedule(const SamplerSettings& s, int steps) {
  const std::vector<double> trained = trained_sigmas(s);
  Schedule schedule;
  schedule.timesteps = spaced_timesteps(s, steps);
  if (schedule.timesteps.front() >= s.train_steps)
    return bad_sampler(fmt::format("timestep {} is not below train_steps", schedule.timesteps.front()),
                       "sampler.timestep_offset");
  for (std::size_t i = 1; i < schedule.timesteps.size(); ++i)
    if (!(schedule.timesteps[i] < schedule.timesteps[i - 1]))
      return base::Error{
          "model.steps",
          fmt::format("{} steps; there are fewer timesteps that differ for sampler \"{}\"", steps, text_of(s.kind)),
          "steps", "choose fewer steps"};
  for (const double timestep : schedule.timesteps) schedule.sigmas.push_back(as_float(sigma_at(trained, timestep)));
  if (s.karras) use_karras_sigmas(s, trained, schedule);
  const bool to_least =
      s.last_sigma == LastSigma::Least && (s.kind == SamplerKind::Unipc || s.kind == SamplerKind::Dpmpp2m);
  schedule.sigmas.push_back(to_least ? as_float(trained.front()) : 0.0);
  return schedule;
}

}  // namespace

std::optional<SamplerKind> sampler_kind_of(std::string_view name) {
  return kSamplerKinds.find(name);
}
std::optional<Prediction> prediction_of(std::string_view name) {
  return kPredictions.find(name);
}
std::string_view text_of(SamplerKind kind) {
  return kSamplerKinds.of(kind);
}
std::string_view text_of(Prediction prediction) {
  return kPredictions.of(prediction);
}

base::Result<Schedule> make_schedule(const SamplerSettings& settings, int steps) {
  FM_TRY(check_settings(settings, steps));
  if (settings.kind == SamplerKind::FlowEuler) return flow_euler_schedule(settings, steps);
  if (settings.prediction == Prediction::Flow) return flow_multistep_schedule(settings, steps);
  return diffusion_schedule(settings, steps);
}

}  // namespace framemill::gpu
