// How good forecasts were, and what follows for the next ones: what people were told of a job is compared with when it
// was ready, and from the newest of these comparisons come a shift and a spread by which forecasts are corrected. What
// the futures do not know (slow storage, work that is submitted later, noise of another kind) shows up here.
//
// Conformal in the sense of Vovk et al. ("Algorithmic learning in a random world", 2005): whatever the futures are like,
// the share of jobs ready by the corrected p90 tends to nine of ten, as long as the farm stays the farm it was.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "base/time.h"
#include "jobs/ids.h"

namespace framemill::forecast {

class TrackRecord {
 public:
  static constexpr std::size_t kScoresMax = 64;
  static constexpr std::size_t kJobsMax = 16'384;

  // The farm was foretold, before correction: the job's times from `now` on. One of the forecasts of a job is kept, each
  // with equal chance; `luck`: 0..1, decides.
  void told(jobs::JobId job, base::WallTime now, double p50_ms, double p90_ms, double luck);
  void ready(jobs::JobId job, base::WallTime at);  // it is done
  void forget(jobs::JobId job);                    // it failed, was cancelled or was changed: no fair comparison

  // Times from now, corrected: `raw_ms` of one future, given the uncorrected median and p90 of all.
  double corrected(double raw_ms, double p50_ms, double p90_ms) const;
  std::size_t scores() const { return scores_.size(); }

 private:
  struct Told {
    base::WallTime now;
    double p50_ms = 0, p90_ms = 0;
    std::uint32_t seen = 0;
  };
  struct Score {
    double late = 0;   // logarithm of actual over p50
    double width = 0;  // logarithm of p90 over p50
  };
  void learn();

  std::map<jobs::JobId, Told> told_;
  std::deque<Score> scores_;
  double shift_ = 0, spread_ = 1;
};

}  // namespace framemill::forecast
