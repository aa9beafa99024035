// One look ahead: simulates futures of the farm until a budget is spent and summarises them per job. Pure except for the
// caller's clock, which measures the cost.
#pragma once

#include <functional>
#include <vector>

#include "forecast/future.h"
#include "forecast/job_forecast.h"
#include "forecast/track_record.h"

namespace framemill::forecast {

struct Budget {
  double cpu_ms = 1000;  // of all futures together
  std::uint32_t futures_least = 4, futures_most = 16;
  base::Duration horizon = base::seconds(14 * 86'400);
  std::function<double()> cpu_now_ms;  // a clock of CPU time
};

// Seeds come from `seed`. `track` corrects; null: nothing does. `futures`: what was run; null: not asked for.
Forecasts look_ahead(const FarmAsItIs& farm, const Budget& budget, std::uint64_t seed, const TrackRecord* track,
                     std::vector<Future>* futures = nullptr);
// The track record is to judge these forecasts by what comes.
void note_told(const Forecasts& forecasts, std::uint64_t seed, TrackRecord& track);

// What would help the job (job_forecast.h, Lever); the budget is for all what-ifs together.
LeverView find_levers(const FarmAsItIs& farm, JobId job, const Budget& budget, std::uint64_t seed,
                      const TrackRecord* track);

// Of the times at which a thing was ready in each future, in ms from now; infinity: it was not.
class ReadySamples {
 public:
  explicit ReadySamples(std::vector<double> sorted_or_not);
  double quantile(double share) const;      // may be infinity
  double share_by(double moment_ms) const;  // 0..1, smoothed: how likely it is ready by then
  ReadySamples corrected_by(const TrackRecord& track) const;
  std::size_t size() const { return times_.size(); }

 private:
  std::vector<double> times_;  // ascending
};

// How far jobs are, by measured durations; the steps of running windows count.
class Progress {
 public:
  explicit Progress(const FarmAsItIs& farm);
  std::optional<double> of(const scheduler::JobRecord& job) const;  // nothing before all its work was measured

 private:
  const FarmAsItIs& farm_;
  std::map<JobId, double> running_s_;  // what running windows have done
};

}  // namespace framemill::forecast
