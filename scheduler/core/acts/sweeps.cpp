#include "scheduler/core/acts/sweeps.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

constexpr base::Duration kSweepRepeatAfter = base::seconds(2);

// Files of the farm's own that outlive their task: latents, and the orders that are kept for manifests.
bool leaves_files(const PhaseEntry& phase) {
  return phase.plan->traits().intermediate || jobs::is_on_manifest(*phase.plan);
}

}  // namespace

void sweep_job(FarmState& farm, JobEntry& job) {
  const bool any = std::any_of(job.phases.begin(), job.phases.end(), leaves_files);
  if (any) {
    farm.sweeps.try_emplace(job.record.id, WorkerId{}, base::Instant{INT64_MIN});
    for (auto& [id, worker] : farm.workers.all())
      if (!worker.silent && worker.known) repeat_sweeps(farm, worker);
  } else {
    job.record.swept = true;
    farm.turn.mark(job);
  }
}

void repeat_sweeps(FarmState& farm, WorkerEntry& worker) {
  std::uint32_t ordered = 0;
  for (auto& [id, order] : farm.sweeps) {
    if (ordered >= 16) return;
    auto& [server, at] = order;
    if (at != base::Instant{INT64_MIN} && at + kSweepRepeatAfter > farm.now()) continue;
    const JobEntry& job = farm.jobs.get(id);
    const bool sees = std::all_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
      return !leaves_files(phase) || worker.sees_root(phase.plan->root);
    });
    if (!sees || worker.record.revoked) continue;
    server = worker.record.id;
    at = farm.now();
    farm.turn.effects.discards.push_back({worker.record.id, id});
    ++ordered;
  }
}

void on_discarded(FarmState& farm, JobId id) {
  if (farm.sweeps.erase(id) == 0) return;
  JobEntry& job = farm.jobs.get(id);
  job.record.swept = true;
  farm.turn.mark(job);
  farm.turn.touch(job);
}

}  // namespace framemill::scheduler
