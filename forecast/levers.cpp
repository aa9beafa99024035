// What would help a job: each what-if is run beside the farm as it is, with the same seeds, so that luck is equal.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "forecast/drawn_durations.h"
#include "forecast/forecast.h"
#include "scheduler/core/state/demand.h"

namespace framemill::forecast {
namespace {

using scheduler::JobRecord;
using scheduler::WorkerRow;

constexpr double kAway_ms = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kFuturesPerLever = 8;
constexpr std::int32_t kPriorities[] = {80, 100};
constexpr std::uint32_t kWorkersMore[] = {1, 4};
constexpr std::size_t kRivalsTried = 3, kKindsTried = 2, kCostsTold = 4;
constexpr double kHelpsLeast = 0.01;            // of the chance, or of the time where there is no deadline
constexpr std::int64_t kCostLeast_ms = 60'000;  // a delay that is worth a word
constexpr double kCostLeastShare = 0.02;        // of the other job's time

struct Trial {
  Lever lever;
  WhatIf what_if;
};

class Levers {
 public:
  Levers(const FarmAsItIs& farm, JobId job, const Budget& budget, std::uint64_t seed, const TrackRecord* track)
      : farm_(farm), id_(job), budget_(budget), seed_(seed), track_(track), began_(budget.cpu_now_ms()) {}

  LeverView run() {
    LeverView view;
    const JobRecord& job = *farm_.replica.job(id_);
    if (job.deadline.unix_ms != 0) deadline_ = job.deadline;
    Budget for_this = budget_;
    for_this.futures_least = for_this.futures_most = kFuturesPerLever;
    for_this.cpu_ms = budget_.cpu_ms / 4;
    const Forecasts told = look_ahead(farm_, for_this, seed_, track_, &as_it_is_);
    horizon_ = told.horizon;
    if (const JobForecast* forecast = told.find(id_)) view.forecast = *forecast;
    view.futures = static_cast<std::uint32_t>(as_it_is_.size());
    if (view.forecast.state != JobForecast::State::Estimated && view.forecast.state != JobForecast::State::Beyond)
      return view;
    for (Trial& trial : trials(job)) {
      if (!may_go_on()) {
        view.cut = true;
        break;
      }
      ++view.tried;
      if (judge(trial)) view.levers.push_back(std::move(trial.lever));
    }
    std::stable_sort(view.levers.begin(), view.levers.end(), [](const Lever& a, const Lever& b) {
      if (a.on_time.value_or(0) != b.on_time.value_or(0)) return a.on_time.value_or(0) > b.on_time.value_or(0);
      return a.ready && (!b.ready || a.ready->p90 < b.ready->p90);
    });
    return view;
  }

 private:
  bool may_go_on() const { return budget_.cpu_now_ms() - began_ < budget_.cpu_ms; }

  std::vector<Future> run_all(const WhatIf& what_if) const {
    std::vector<Future> futures;
    for (std::uint32_t i = 0; i < kFuturesPerLever; ++i) {
      if (!may_go_on() && !futures.empty()) break;
      futures.push_back(
          run_future(farm_, what_if, {seed_, i, kFuturesPerLever}, horizon_, [this] { return may_go_on(); }));
    }
    return futures;
  }

  ReadySamples samples_of(const std::vector<Future>& futures, JobId job) const {
    std::vector<double> times;
    for (const Future& future : futures) {
      const auto ready = future.jobs.find(job);
      times.push_back(ready == future.jobs.end() ? kAway_ms : static_cast<double>(ready->second.in_ms));
    }
    return ReadySamples(std::move(times));
  }

  // How the job fares with it, and who is later for it. False: it helps too little to be told.
  bool judge(Trial& trial) const {
    const std::vector<Future> futures = run_all(trial.what_if);
    const auto corrected = [&](const std::vector<Future>& of) {
      const ReadySamples raw = samples_of(of, id_);
      return track_ != nullptr ? raw.corrected_by(*track_) : raw;
    };
    const ReadySamples before = corrected(as_it_is_), after = corrected(futures);
    const double p50 = after.quantile(0.5), p90 = after.quantile(0.9);
    if (!std::isfinite(p90)) return false;
    trial.lever.ready = ReadyTimes{at(p50), at(p90)};
    add_costs(futures, trial);
    if (!deadline_) return p50 < (1 - kHelpsLeast) * before.quantile(0.5);
    const double left_ms = static_cast<double>(deadline_->unix_ms - farm_.now.unix_ms);
    trial.lever.on_time = after.share_by(left_ms);
    return *trial.lever.on_time > before.share_by(left_ms) + kHelpsLeast;
  }

  void add_costs(const std::vector<Future>& futures, Trial& trial) const {
    for (const auto& [id, job] : farm_.replica.records().of<JobRecord>()) {
      if (id == id_) continue;
      std::vector<double> later;
      for (std::size_t i = 0; i < std::min(futures.size(), as_it_is_.size()); ++i) {
        const auto then = as_it_is_[i].jobs.find(id), now = futures[i].jobs.find(id);
        if (then == as_it_is_[i].jobs.end()) continue;
        // One that is paused goes on when the job is ready.
        std::int64_t end_ms = 0;
        if (now != futures[i].jobs.end())
          end_ms = now->second.in_ms;
        else if (const auto ours = futures[i].jobs.find(id_); ours != futures[i].jobs.end())
          end_ms = then->second.in_ms + ours->second.in_ms;
        else
          continue;
        later.push_back(static_cast<double>(end_ms - then->second.in_ms));
      }
      if (later.empty()) continue;
      const double typical = ReadySamples(later).quantile(0.5);
      const double usual = samples_of(as_it_is_, id).quantile(0.5);
      if (typical < static_cast<double>(kCostLeast_ms) || typical < kCostLeastShare * usual) continue;
      trial.lever.costs.push_back({id, job.spec->name, job.spec->show, base::milliseconds(std::llround(typical))});
    }
    auto& costs = trial.lever.costs;
    std::stable_sort(costs.begin(), costs.end(), [](const auto& a, const auto& b) { return a.later > b.later; });
    if (costs.size() > kCostsTold) costs.resize(kCostsTold);
  }

  std::vector<Trial> trials(const JobRecord& job) const {
    std::vector<Trial> all;
    WhatIf base;
    base.job = id_;
    for (const std::int32_t priority : kPriorities) {
      if (priority <= job.priority) continue;
      Trial& trial = all.emplace_back(Trial{{Lever::Kind::Priority, priority, {}, {}, {}, {}}, base});
      trial.what_if.priority = priority;
    }
    add_rivals(base, all);
    add_steps_and_variants(job, base, all);
    add_slots(base, all);
    return all;
  }

  // Jobs that end before it, the ones with most work first.
  void add_rivals(const WhatIf& base, std::vector<Trial>& all) const {
    const double ours = samples_of(as_it_is_, id_).quantile(0.5);
    std::vector<std::pair<double, const JobRecord*>> rivals;
    for (const auto& [id, job] : farm_.replica.records().of<JobRecord>()) {
      if (id == id_ || !job.holds.empty() || jobs::is_final(job.state)) continue;
      const double left_s = work_left_s(job);
      const double ends = samples_of(as_it_is_, id).quantile(0.5);
      if (left_s > 0 && (job.state == jobs::JobState::Running || ends < ours)) rivals.emplace_back(left_s, &job);
    }
    std::stable_sort(rivals.begin(), rivals.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < std::min(rivals.size(), kRivalsTried); ++i) {
      const JobRecord& rival = *rivals[i].second;
      Trial& trial = all.emplace_back(Trial{{Lever::Kind::Rival, rival.id.value, rival.spec->name, {}, {}, {}}, base});
      trial.what_if.paused = {rival.id};
    }
  }

  double work_left_s(const JobRecord& job) const {
    double left = 0;
    for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
      const auto record = farm_.replica.records().of<scheduler::PhaseRecord>().find(PhaseId{job.id, i});
      if (record == farm_.replica.records().of<scheduler::PhaseRecord>().end()) return 0;
      const auto& counts = record->second.counts;
      const double open = static_cast<double>(counts[0]) + counts[1] + counts[2];  // waiting, ready, leased
      left += open * farm_.replica.durations().typical_seconds(job, job.plan->phases[i]).value_or(0);
    }
    return left;
  }

  void add_steps_and_variants(const JobRecord& job, const WhatIf& base, std::vector<Trial>& all) const {
    for (std::uint32_t layer = 0; layer < job.spec->layers.size(); ++layer) {
      const jobs::LayerSpec& spec = job.spec->layers[layer];
      if (spec.model().empty() || is_over(job, layer)) continue;
      const auto* package = scheduler::package_of(job, spec.model());
      const std::uint32_t steps =
          spec.steps().value_or(package == nullptr ? 0 : static_cast<std::uint32_t>(package->default_steps));
      if (steps >= 4) {
        const std::uint32_t fewer = steps * 3 / 4;
        Trial& trial = all.emplace_back(Trial{{Lever::Kind::Steps, fewer, spec.name, {}, {}, {}}, base});
        trial.what_if.steps[layer] = static_cast<double>(fewer) / steps;
      }
      if (const std::uint32_t variants = spec.variant_count(); variants >= 2) {
        Trial& trial = all.emplace_back(Trial{{Lever::Kind::Variants, variants / 2, spec.name, {}, {}, {}}, base});
        trial.what_if.variants[layer] = variants / 2;
      }
    }
  }

  bool is_over(const JobRecord& job, std::uint32_t layer) const {
    const auto& phases = farm_.replica.records().of<scheduler::PhaseRecord>();
    for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
      const auto record = phases.find(PhaseId{job.id, i});
      if (job.plan->phases[i].layer == layer && record != phases.end() &&
          (record->second.state == jobs::PhaseState::Waiting || record->second.state == jobs::PhaseState::Running))
        return false;
    }
    return true;
  }

  // One worker more of each kind: the kinds that most workers are of come first.
  void add_slots(const WhatIf& base, std::vector<Trial>& all) const {
    std::map<std::string, std::pair<std::uint32_t, const scheduler::WorkerView*>> kinds;  // by its first device
    for (const WorkerRow& worker : farm_.workers) {
      if (worker->devices.empty() || worker->slots.empty() || worker->state != jobs::WorkerState::Up) continue;
      auto& kind = kinds[worker->devices.front().name];
      ++kind.first;
      kind.second = worker.get();
    }
    std::vector<std::pair<std::uint32_t, std::string>> order;
    for (const auto& [name, kind] : kinds) order.emplace_back(kind.first, name);
    std::sort(order.begin(), order.end(), std::greater<>());
    for (std::size_t i = 0; i < std::min(order.size(), kKindsTried); ++i) {
      const scheduler::WorkerView& like = *kinds.at(order[i].second).second;
      for (const std::uint32_t copies : kWorkersMore) {
        const auto slots = static_cast<std::int64_t>(copies * like.slots.size());
        Trial& trial = all.emplace_back(Trial{{Lever::Kind::Slots, slots, order[i].second, {}, {}, {}}, base});
        trial.what_if.like = like.id;
        trial.what_if.copies = copies;
      }
    }
  }

  base::WallTime at(double in_ms) const { return {farm_.now.unix_ms + std::llround(in_ms)}; }

  const FarmAsItIs& farm_;
  JobId id_;
  const Budget& budget_;
  std::uint64_t seed_;
  const TrackRecord* track_;
  double began_;
  std::optional<base::WallTime> deadline_;
  std::vector<Future> as_it_is_;
  base::Duration horizon_{};
};

}  // namespace

LeverView find_levers(const FarmAsItIs& farm, JobId job, const Budget& budget, std::uint64_t seed,
                      const TrackRecord* track) {
  return Levers(farm, job, budget, seed, track).run();
}

}  // namespace framemill::forecast
