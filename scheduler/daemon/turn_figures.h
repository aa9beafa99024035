// What the loop counts of its own turns for /metrics, while it makes them: how long they took, what was granted, how
// attempts ended and what they used of the devices, how long jobs waited for their first grant. Loop thread only, but
// for committed(). Costs a few atomic additions a turn.
#pragma once

#include <chrono>
#include <unordered_set>
#include <vector>

#include "monitoring/metrics/metrics.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

class TurnFigures {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TurnFigures(monitoring::Metrics& metrics);

  // Jobs that wait for their first grant since before this start.
  void expect(const std::vector<JobRow>& jobs);
  void turn_begun();
  void turn_over();
  void turn(const Effects& effects);
  void committed(std::chrono::microseconds took) const;  // any thread

 private:
  void count(const AttemptRecord& attempt);
  void count(const JobRecord& job);

  monitoring::Histogram turn_seconds_, commit_seconds_, queue_wait_seconds_;
  monitoring::Counter granted_, committed_tasks_;
  std::vector<monitoring::Counter> ended_;  // by jobs::Outcome
  monitoring::Counter useful_s_, load_s_, lost_s_;
  int depth_ = 0;  // of turns within turns: the outermost is timed
  Clock::time_point begun_;
  std::unordered_set<JobId> waiting_;  // submitted, never granted: bounded by the live jobs
};

}  // namespace framemill::scheduler
