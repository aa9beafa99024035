#include "scheduler/core/policy/deadline_risk.h"

#include <algorithm>
#include <cmath>

#include "scheduler/core/policy/able_groups.h"

namespace framemill::scheduler {
namespace {

// Other work of equal priority has the slots when the risk begins, and measured times vary: so many times what is needed
// is kept, and a reserve for what was never measured.
constexpr std::int64_t kTimesNeeded = 2;
constexpr base::Duration kReserve = base::seconds(600);
constexpr double kNeededMost_s = 1e9;  // keeps the sums inside 64 bits

}  // namespace

base::Duration time_needed(const FarmState& farm, const JobEntry& job) {
  double divided_s = 0, longest_chain_s = 0;
  for (const PhaseEntry& phase : job.phases) {
    const double left = static_cast<double>(phase.tasks.count(TaskState::Waiting)) +
                        phase.tasks.count(TaskState::Ready) + phase.tasks.count(TaskState::Leased);
    const auto per_task = left > 0 ? farm.pace.seconds(phase.pace) : std::nullopt;
    if (!per_task) continue;
    const auto slots = static_cast<double>(std::max<std::size_t>(able_groups(farm, phase.common_class).slots, 1));
    divided_s += left * *per_task / slots;
    if (phase.chain) longest_chain_s = std::max(longest_chain_s, left * *per_task);
  }
  return {std::llround(1000 * std::min(std::max(divided_s, longest_chain_s), kNeededMost_s))};
}

DeadlineRisk deadline_risk(const FarmState& farm, const JobEntry& job) {
  const base::Duration needed = time_needed(farm, job);
  const std::int64_t deadline_ms = job.record.deadline.unix_ms;
  DeadlineRisk risk;
  risk.latest_start_ms = deadline_ms - needed.ms;
  risk.risk_begins_ms = deadline_ms - kTimesNeeded * needed.ms - kReserve.ms;
  risk.at_risk = risk.risk_begins_ms <= farm.turn.now.wall.unix_ms;
  return risk;
}

}  // namespace framemill::scheduler
