// The result of running a trace under a policy, and its text and JSON forms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/policy/lower_bound.h"

namespace framemill::sim {

struct PolicyOutcome {
  std::string policy;
  double makespan_s = 0;  // from the first submit to the end of the last task
  double busy_s = 0;      // of slots: tasks
  double load_s = 0;      // of slots: models and the starts of commands
  double lost_s = 0;      // of slots: work that somebody else finished, or that was taken back
  double slot_s = 0;      // of all slots, from when they joined to the end
  std::uint64_t tasks = 0, leases = 0, events = 0;
  std::uint32_t jobs_unfinished = 0;
  std::uint32_t deadlines = 0, deadlines_met = 0;
  std::map<std::string, std::vector<double>> waits_s;  // by show: from a job's submit to its first task

  double utilisation() const { return slot_s > 0 ? busy_s / slot_s : 0; }
};

// Of values in any order; 0 for none.
double quantile(std::vector<double> values, double share);

struct RunCost {                   // of the simulation itself
  double seconds = 0;              // of processor time
  std::uint64_t memory_bytes = 0;  // of the process, at its peak
};
std::string outcome_text(const PolicyOutcome& outcome, const LowerBound& bound, const RunCost& cost);
std::string outcome_json(const PolicyOutcome& outcome, const LowerBound& bound, const RunCost& cost);

}  // namespace framemill::sim
