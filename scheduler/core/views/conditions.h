// Whether a job goes on, for people: stuck, blocked, starved, throttled or without its input files, beside its state.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

// Answers for one look at the farm: what holds for a request class is found out once.
class Conditions {
 public:
  explicit Conditions(const FarmState& farm) : farm_(farm) {}
  Condition of_layer(const JobEntry& job, std::uint32_t layer);  // never Starved
  Condition of_job(const JobEntry& job);
  std::uint64_t workers_walked() const { return workers_walked_; }  // to find out, so far

 private:
  const std::string& why_nobody(const JobEntry& job, const PhaseEntry& phase);
  const std::string& throttled_by(const JobEntry& job, const PhaseEntry& phase);

  const FarmState& farm_;
  std::map<ClassId, std::string> nobody_;  // why no worker could take the class; empty: one could
  std::map<std::pair<ClassId, ShareId>, std::string> throttled_;  // what holds them back; empty: nothing
  std::uint64_t workers_walked_ = 0;
};

}  // namespace framemill::scheduler
