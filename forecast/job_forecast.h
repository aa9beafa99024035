// What is foretold of the jobs of a farm: values for people, made by the forecaster (forecast.h), read by any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "jobs/ids.h"

namespace framemill::forecast {

// Half of the futures are ready by p50, nine of ten by p90.
struct ReadyTimes {
  base::WallTime p50, p90;
};

struct JobForecast {
  enum class State : std::uint8_t {
    Measuring,  // no task was measured yet of some kind of work that it still needs
    Estimated,
    Beyond,  // not ready within the time that was looked ahead: no number but "later than"
    Blocked  // in most futures some work of it is never placed, as the farm is now
  };
  State state = State::Measuring;
  std::optional<ReadyTimes> ready;        // Estimated
  double raw_p50_ms = 0, raw_p90_ms = 0;  // from now, before the track record corrected them; 0: not estimated
  std::optional<double> on_time;   // 0..1, of a job with a deadline, where Estimated; of Beyond where it is sure: 0
  base::WallTime later_than;       // Beyond
  std::string layer;               // Measuring, Blocked: the layer that is to blame
  std::optional<double> progress;  // 0..1 of the work by measured durations; steps of running windows count
  // By layer: when its last file is there; none: it is there already, or not within what was looked ahead.
  std::vector<std::optional<ReadyTimes>> layers;
};

// All of one look ahead. Never changed once it is made.
struct Forecasts {
  base::WallTime made;        // the moment that was looked ahead from; 0: nothing was foretold yet
  std::uint32_t futures = 0;  // that were run
  base::Duration horizon;     // how far ahead was looked
  bool coarse = false;        // the budget ended before the work did: what is later than the horizon has no number
  double cpu_ms = 0;          // what it cost
  std::unordered_map<jobs::JobId, JobForecast> jobs;  // live ones
  std::string problem;                                // why nothing is foretold; empty: all is well

  const JobForecast* find(jobs::JobId job) const {
    const auto found = jobs.find(job);
    return found == jobs.end() ? nullptr : &found->second;
  }
};
using ForecastsRow = std::shared_ptr<const Forecasts>;

// What would help a job, each simulated beside the farm as it is, with equal luck.
struct Lever {
  enum class Kind : std::uint8_t { Priority, Slots, Steps, Variants, Rival };
  Kind kind = Kind::Priority;
  std::int64_t value = 0;  // the priority; slots more; steps or variants that are left; of Rival: the job to pause
  std::string subject;     // Slots: the kind of slot; Steps, Variants: the layer; Rival: the job's name
  std::optional<ReadyTimes> ready;
  std::optional<double> on_time;
  struct Cost {  // another job that is later for it
    jobs::JobId job;
    std::string name, show;
    base::Duration later;  // median over the futures
  };
  std::vector<Cost> costs;  // the largest first, at most 4
};
std::string_view name(Lever::Kind kind);          // "priority"
std::string_view name(JobForecast::State state);  // "measuring"

struct LeverView {
  JobForecast forecast;       // as the levers were compared with
  std::vector<Lever> levers;  // the most helpful first; those that help nothing are left out
  std::uint32_t tried = 0;    // what-ifs that were simulated
  std::uint32_t futures = 0;  // of each
  bool cut = false;           // the budget ended before all were tried
};

}  // namespace framemill::forecast
