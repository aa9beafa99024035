#include <algorithm>

#include "forecast/forecast.h"

namespace framemill::forecast {
namespace {

using scheduler::JobRecord;
using scheduler::SlotActivity;

// Seconds of what the lease is at that are done, by its steps.
double done_seconds(const Replica& replica, const SlotActivity::Lease& lease, const JobRecord& job) {
  for (const jobs::PhasePlan& phase : job.plan->phases)
    if (phase.variant == lease.variant && jobs::name(phase.kind) == lease.phase &&
        job.spec->layers[phase.layer].name == lease.layer) {
      const double share = static_cast<double>(lease.step) / static_cast<double>(lease.steps);
      return std::min(share, 1.0) * replica.durations().typical_seconds(job, phase).value_or(0);
    }
  return 0;
}

}  // namespace

Progress::Progress(const FarmAsItIs& farm) : farm_(farm) {
  for (const scheduler::WorkerRow& worker : farm.workers)
    for (const SlotActivity& slot : worker->slots)
      for (const SlotActivity::Lease& lease : slot.leases)
        if (const JobRecord* job = farm.replica.job(lease.job); job != nullptr && lease.steps > 0)
          running_s_[lease.job] += done_seconds(farm.replica, lease, *job);
}

std::optional<double> Progress::of(const JobRecord& job) const {
  using jobs::TaskState;
  const auto& phases = farm_.replica.records().of<scheduler::PhaseRecord>();
  const MeasuredDurations& durations = farm_.replica.durations();
  double all_s = 0, done_s = 0;
  for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
    const jobs::PhasePlan& phase = job.plan->phases[i];
    const auto record = phases.find(PhaseId{job.id, i});
    if (record == phases.end() || !durations.knows(job, phase)) return std::nullopt;
    const double seconds = durations.typical_seconds(job, phase).value_or(1);  // a movie before any was made
    const auto& counts = record->second.counts;
    const std::uint32_t made =
        counts[static_cast<std::size_t>(TaskState::Committed)] + counts[static_cast<std::size_t>(TaskState::Published)];
    all_s += seconds * phase.task_count;
    done_s += seconds * made;
  }
  if (all_s <= 0) return std::nullopt;
  const auto running = running_s_.find(job.id);
  if (running != running_s_.end()) done_s += running->second;
  return std::clamp(done_s / all_s, 0.0, 1.0);
}

}  // namespace framemill::forecast
