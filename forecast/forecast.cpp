#include "forecast/forecast.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "forecast/drawn_durations.h"

namespace framemill::forecast {
namespace {

using scheduler::JobRecord;

constexpr double kNever_ms = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kLuck = 0x10c4;

// A layer of the job with open tasks of which no kind was measured.
const std::string* unmeasured_layer(const Replica& replica, const JobRecord& job) {
  const auto& phases = replica.records().of<scheduler::PhaseRecord>();
  for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
    const auto record = phases.find(PhaseId{job.id, i});
    const bool open = record == phases.end() || record->second.state == jobs::PhaseState::Waiting ||
                      record->second.state == jobs::PhaseState::Running;
    if (open && !replica.durations().knows(job, job.plan->phases[i]))
      return &job.spec->layers[job.plan->phases[i].layer].name;
  }
  return nullptr;
}

class LookAhead {
 public:
  LookAhead(const FarmAsItIs& farm, const Budget& budget, std::uint64_t seed, const TrackRecord* track)
      : farm_(farm), budget_(budget), seed_(seed), track_(track) {}

  Forecasts run() {
    run_futures();
    Forecasts all;
    all.made = farm_.now;
    all.futures = static_cast<std::uint32_t>(futures_.size());
    all.horizon = horizon_;
    all.coarse = coarse_;
    const Progress progress(farm_);
    for (const auto& [id, job] : farm_.replica.records().of<JobRecord>()) {
      if (jobs::is_final(job.state) || !is_whole(farm_.replica, job)) continue;
      JobForecast forecast = of_job(job);
      forecast.progress = progress.of(job);
      all.jobs.emplace(id, std::move(forecast));
    }
    all.cpu_ms = budget_.cpu_now_ms() - began_;
    return all;
  }
  std::vector<Future> futures() && { return std::move(futures_); }

 private:
  // The first one finds out what a future costs, and with that how far and how often one can be run.
  void run_futures() {
    began_ = budget_.cpu_now_ms();
    const double first_most = budget_.cpu_ms / budget_.futures_least;
    // Counted from its first step: however long a large farm takes to put together, something of it is seen.
    double first_step = -1;
    const auto in_share = [&] {
      const double now = budget_.cpu_now_ms();
      if (first_step < 0) first_step = now;
      return now - first_step < first_most;
    };
    futures_.push_back(run_future(farm_, {}, {seed_, 0, budget_.futures_most}, budget_.horizon, in_share));
    horizon_ = budget_.horizon;
    if (futures_.front().stop == VirtualFarm::Stop::Cut) {
      coarse_ = true;
      horizon_ = base::milliseconds(futures_.front().reached_ms);
    }
    const double cost = std::max(budget_.cpu_now_ms() - began_, 0.01);
    const auto affordable = static_cast<std::uint32_t>(std::min(budget_.cpu_ms / cost, 1000.0));
    const std::uint32_t count = std::clamp(affordable, budget_.futures_least, budget_.futures_most);
    // Twice the budget is the end whatever the first one said: then there are fewer.
    const auto may_go_on = [&] { return budget_.cpu_now_ms() - began_ < 2 * budget_.cpu_ms; };
    for (std::uint32_t i = 1; i < count && may_go_on(); ++i) {
      Future future = run_future(farm_, {}, {seed_, i, budget_.futures_most}, horizon_, may_go_on);
      if (future.stop != VirtualFarm::Stop::Cut) futures_.push_back(std::move(future));
    }
  }

  template <class Find>
  ReadySamples samples(Find find) const {
    std::vector<double> times;
    for (const Future& future : futures_) times.push_back(find(future));
    return ReadySamples(std::move(times));
  }

  std::optional<ReadyTimes> times_of(const ReadySamples& samples) const {
    const double p50 = samples.quantile(0.5), p90 = samples.quantile(0.9);
    if (!std::isfinite(p50) || !std::isfinite(p90)) return std::nullopt;
    return ReadyTimes{at(p50), at(p90)};
  }
  base::WallTime at(double in_ms) const { return {farm_.now.unix_ms + std::llround(in_ms)}; }

  JobForecast of_job(const JobRecord& job) const {
    JobForecast forecast;
    if (const std::string* layer = unmeasured_layer(farm_.replica, job)) {
      forecast.layer = *layer;
      return forecast;
    }
    const ReadySamples raw = samples([&](const Future& future) {
      const auto ready = future.jobs.find(job.id);
      return ready == future.jobs.end() ? kNever_ms : static_cast<double>(ready->second.in_ms);
    });
    const double p50 = raw.quantile(0.5), p90 = raw.quantile(0.9);
    if (!std::isfinite(p90)) return out_of_sight(job, raw);
    forecast.raw_p50_ms = p50;
    forecast.raw_p90_ms = p90;
    const ReadySamples corrected = track_ != nullptr ? raw.corrected_by(*track_) : raw;
    forecast.state = JobForecast::State::Estimated;
    forecast.ready = times_of(corrected);
    if (job.deadline.unix_ms != 0)
      forecast.on_time = corrected.share_by(static_cast<double>(job.deadline.unix_ms - farm_.now.unix_ms));
    add_layers(job, forecast);
    return forecast;
  }

  void add_layers(const JobRecord& job, JobForecast& forecast) const {
    for (std::uint32_t layer = 0; layer < job.spec->layers.size(); ++layer) {
      const ReadySamples raw = samples([&](const Future& future) {
        const auto ready = future.layers.find(layer_key(job.id, layer));
        return ready == future.layers.end() ? kNever_ms : static_cast<double>(ready->second);
      });
      forecast.layers.push_back(times_of(track_ != nullptr ? raw.corrected_by(*track_) : raw));
    }
  }

  // Not ready within what was looked ahead: because there is too much before it, or because it never goes on.
  JobForecast out_of_sight(const JobRecord& job, const ReadySamples& raw) const {
    JobForecast forecast;
    std::size_t idle = 0;
    for (const Future& future : futures_)
      idle += future.stop == VirtualFarm::Stop::Idle && !future.jobs.contains(job.id);
    if (2 * idle > futures_.size()) {
      forecast.state = JobForecast::State::Blocked;
      forecast.layer = stopping_layer(job);
      return forecast;
    }
    forecast.state = JobForecast::State::Beyond;
    const double p50 = raw.quantile(0.5);
    forecast.later_than = std::isfinite(p50) ? at(p50) : base::WallTime{farm_.now.unix_ms + horizon_.ms};
    if (job.deadline.unix_ms != 0 && job.deadline <= forecast.later_than && !std::isfinite(p50)) forecast.on_time = 0;
    return forecast;
  }

  // The first layer with open work that no future finished.
  std::string stopping_layer(const JobRecord& job) const {
    const auto& phases = farm_.replica.records().of<scheduler::PhaseRecord>();
    for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
      const std::uint32_t layer = job.plan->phases[i].layer;
      const jobs::PhaseState state = phases.at(PhaseId{job.id, i}).state;
      if (state != jobs::PhaseState::Waiting && state != jobs::PhaseState::Running) continue;
      if (!futures_.back().layers.contains(layer_key(job.id, layer))) return job.spec->layers[layer].name;
    }
    return {};
  }

  const FarmAsItIs& farm_;
  const Budget& budget_;
  std::uint64_t seed_;
  const TrackRecord* track_;
  std::vector<Future> futures_;
  base::Duration horizon_{};
  bool coarse_ = false;
  double began_ = 0;
};

}  // namespace

Forecasts look_ahead(const FarmAsItIs& farm, const Budget& budget, std::uint64_t seed, const TrackRecord* track,
                     std::vector<Future>* futures) {
  LookAhead looking(farm, budget, seed, track);
  Forecasts told = looking.run();
  if (futures != nullptr) *futures = std::move(looking).futures();
  return told;
}

void note_told(const Forecasts& forecasts, std::uint64_t seed, TrackRecord& track) {
  for (const auto& [id, forecast] : forecasts.jobs)
    if (forecast.raw_p90_ms > 0)
      track.told(id, forecasts.made, forecast.raw_p50_ms, forecast.raw_p90_ms, uniform_draw(seed, id.value, 0, kLuck));
}

std::string_view name(JobForecast::State state) {
  switch (state) {
    case JobForecast::State::Measuring:
      return "measuring";
    case JobForecast::State::Estimated:
      return "estimated";
    case JobForecast::State::Beyond:
      return "beyond";
    case JobForecast::State::Blocked:
      return "blocked";
  }
  return "";
}

std::string_view name(Lever::Kind kind) {
  switch (kind) {
    case Lever::Kind::Priority:
      return "priority";
    case Lever::Kind::Slots:
      return "slots";
    case Lever::Kind::Steps:
      return "steps";
    case Lever::Kind::Variants:
      return "variants";
    case Lever::Kind::Rival:
      return "rival";
  }
  return "";
}

}  // namespace framemill::forecast
