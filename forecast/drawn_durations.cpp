#include "forecast/drawn_durations.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/philox.h"

namespace framemill::forecast {
namespace {

// What is assumed before much was seen, as spreads of logarithms, and how many measurements outweigh it.
constexpr double kWithinPrior = 0.2 * 0.2, kBetweenPrior = 0.3 * 0.3, kWorkerPriorSpread = 0.15;
constexpr double kWithinPriorCount = 4, kBetweenPriorCount = 3, kWorkerPriorCount = 4;
constexpr double kOtherClassSpread = 0.5;  // of a device class where the work was never seen
constexpr double kGuessedMedia_s = 0.02, kGuessedMediaLeast_s = 1, kGuessed_s = 10, kGuessSpread = 0.7;
constexpr double kGuessedLoad_s = 10, kLoadSpread = 0.3;
constexpr double kFurthest = 3;  // e^3: no draw is further from its level than a factor of twenty
constexpr std::uint32_t kTriesMost = 4;
enum Stream : std::uint32_t { kJob, kClass, kWorker, kResidual, kFresh, kFails, kLoad };

base::PhiloxCounter drawn(std::uint64_t seed, std::uint64_t a, std::uint32_t b, std::uint32_t stream) {
  return base::philox4x32_10({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32), b, stream},
                             base::philox_key(seed));
}

double unit(std::uint32_t word) {
  return (static_cast<double>(word) + 0.5) / 4294967296.0;
}

// Where the standard normal distribution has that share below it; by bisection, which is exact enough for a draw.
double normal_quantile(double share) {
  double low = -6, high = 6;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

std::uint64_t number_of(PhaseId phase) {
  return std::uint64_t{phase.job.value} << 32 | phase.index;
}

}  // namespace

double uniform_draw(std::uint64_t seed, std::uint64_t a, std::uint32_t b, std::uint32_t stream) {
  return unit(drawn(seed, a, b, stream)[0]);
}

double normal_draw(std::uint64_t seed, std::uint64_t a, std::uint32_t b, std::uint32_t stream) {
  const base::PhiloxCounter words = drawn(seed, a, b, stream);
  return std::sqrt(-2 * std::log(unit(words[0]))) * std::cos(2 * std::numbers::pi * unit(words[1]));
}

DrawnDurations::Phase& DrawnDurations::phase_of(const scheduler::JobRecord& job, PhaseId id) {
  const auto [entry, added] = phases_.try_emplace(number_of(id));
  Phase& phase = entry->second;
  if (!added) return phase;
  const jobs::PhasePlan& plan = job.plan->phases[id.index];
  const WorkKind kind = work_kind(job, plan);
  phase.work = measured_.find(kind.name);
  phase.units = kind.units;
  const auto runner = plan.traits().runner;
  phase.overhead_s = std::max(0.0, measured_.overheads_[static_cast<std::size_t>(runner)].with_prior(0, 0.5));
  // The variants of a layer are one piece of work: drawn alike.
  const std::uint64_t of_layer = std::uint64_t{id.job.value} << 32 | plan.layer << 4 | static_cast<unsigned>(plan.kind);
  phase.job_drawn = job_drawn(of_layer);
  if (phase.work == nullptr || phase.work->levels.empty()) {
    phase.work = nullptr;
    const double guess =
        kind.media ? std::max(kGuessedMediaLeast_s, kind.units * kGuessedMedia_s) : kGuessed_s * kind.units;
    phase.levels.push_back({"", std::log(guess) + kGuessSpread * phase.job_drawn});
    return phase;
  }
  phase.within = phase.work->within.with_prior(kWithinPrior, kWithinPriorCount);
  phase.between = phase.work->between.with_prior(kBetweenPrior, kBetweenPriorCount);
  phase.failing = std::clamp(phase.work->failures.with_prior(0, 20), 0.0, 0.5);
  return phase;
}

const DrawnDurations::Level& DrawnDurations::level_on(Phase& phase, const scheduler::JobRecord& job, PhaseId id,
                                                      const std::string& device_class) {
  if (phase.work == nullptr) return phase.levels.front();
  for (const Level& level : phase.levels)
    if (level.device_class == device_class) return level;
  const MeasuredDurations::ClassLevel* of_kind = nullptr;
  for (const MeasuredDurations::ClassLevel& level : phase.work->levels)
    if (of_kind == nullptr || level.device_class == device_class) of_kind = &level;
  const bool other_class = of_kind->device_class != device_class;
  // What the job has shown, weighed against what jobs of its kind are like.
  double apart = 0, seen = 0;
  const jobs::PhasePlan& plan = job.plan->phases[id.index];
  const auto own = measured_.jobs_.find({job.id, {plan.layer, plan.kind}});
  if (own != measured_.jobs_.end())
    for (const MeasuredDurations::JobLevel& level : own->second)
      if (level.device_class == of_kind->device_class) {
        seen = level.log_seconds.count;
        apart = level.log_seconds.mean - of_kind->log_seconds.mean;
      }
  const double levels_jobs = std::max(of_kind->log_seconds.count / 8, 0.25);
  const double prior = phase.between * (1 + 1 / levels_jobs);
  const double weight = seen > 0 ? prior / (prior + phase.within / seen) : 0;
  double log_seconds = std::log(phase.units) + of_kind->log_seconds.mean + weight * apart +
                       std::sqrt(prior * (1 - weight)) * phase.job_drawn;
  if (other_class)
    log_seconds += kOtherClassSpread * normal_draw(seed_, std::hash<std::string>{}(device_class), id.index, kClass);
  return phase.levels.emplace_back(Level{device_class, log_seconds});
}

// A normal from this future's part of the distribution; which part is whose is shuffled for each layer.
double DrawnDurations::job_drawn(std::uint64_t of_layer) const {
  const auto key_of = [&](std::uint32_t index) { return drawn(luck_.seed, of_layer, index, kJob); };
  const base::PhiloxCounter own = key_of(luck_.index);
  std::uint32_t place = 0;
  for (std::uint32_t other = 0; other < luck_.count; ++other)
    if (other != luck_.index && key_of(other)[0] < own[0]) ++place;
  return normal_quantile((place + unit(own[1])) / std::max(luck_.count, 1u));
}

double DrawnDurations::worker_drawn(WorkerId worker) {
  const auto [entry, added] = workers_.try_emplace(worker.value);
  if (!added) return entry->second;
  const auto seen = measured_.workers_.find(worker);
  const double count = seen == measured_.workers_.end() ? 0 : seen->second.count;
  const double spread = kWorkerPriorSpread * std::sqrt(kWorkerPriorCount / (kWorkerPriorCount + count));
  // Without any measured worker there is no telling that workers differ.
  entry->second =
      measured_.worker_effect(worker) + (count > 0 ? spread * normal_draw(seed_, worker.value, 0, kWorker) : 0);
  return entry->second;
}

double DrawnDurations::task_seconds(const scheduler::JobRecord& job, PhaseId id, TaskIndex task, WorkerId worker,
                                    const std::string& device_class) {
  Phase& phase = phase_of(job, id);
  double log_seconds = level_on(phase, job, id, device_class).log_seconds;
  if (phase.work != nullptr) {
    const auto words = drawn(seed_, number_of(id), task, kResidual);
    const auto kept = std::min<std::uint32_t>(phase.work->residual_count, MeasuredDurations::kResidualsMax);
    // As tasks were seen to differ; where few were seen, as they may.
    double residual = 0;
    if (unit(words[0]) * (kept + kWithinPriorCount) < kept)
      residual = phase.work->residuals[words[1] % kept];
    else
      residual = std::sqrt(phase.within) * normal_draw(seed_, number_of(id), task, kFresh);
    log_seconds += std::clamp(residual, -kFurthest, kFurthest) + worker_drawn(worker);
  }
  double seconds = std::exp(log_seconds) + phase.overhead_s;
  if (phase.failing <= 0) return seconds;
  const double luck = uniform_draw(seed_, number_of(id), task, kFails);
  double failing = phase.failing;
  for (std::uint32_t tries = 1; tries < kTriesMost && luck < failing; ++tries, failing *= phase.failing)
    seconds += std::exp(log_seconds);
  return seconds;
}

double DrawnDurations::load_seconds(const base::Sha256& model, const std::string& device_class) {
  const std::string digest = model.hex();
  const auto first = measured_.loads_.lower_bound({digest, ""});
  const ForgetfulMean* seen = nullptr;
  for (auto load = first; load != measured_.loads_.end() && load->first.first == digest; ++load)
    if (seen == nullptr || load->first.second == device_class) seen = &load->second;
  const double level = seen == nullptr ? std::log(kGuessedLoad_s) : seen->mean;
  return std::exp(level + kLoadSpread * normal_draw(seed_, std::hash<std::string>{}(digest), 0, kLoad));
}

}  // namespace framemill::forecast
