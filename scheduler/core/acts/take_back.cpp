#include "scheduler/core/acts/take_back.h"

#include <set>
#include <vector>

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/begun_part.h"
#include "scheduler/core/policy/giving_way.h"

namespace framemill::scheduler {

std::uint32_t take_back(FarmState& farm, AttemptId id) {
  const Lease& lease = farm.leases.get(id);
  PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  const TaskRange held = lease.record.tasks, keep = begun_part(farm, phase, lease);
  if (keep == held) return 0;
  if (!keep.empty()) {
    take_back_tail(farm, id, keep);
    return held.count - keep.count;
  }
  revoke_attempt(farm, id, jobs::RevokeReason::TakenBack);
  unpin_unmade(farm, farm.job_of(phase.id), phase);
  return held.count;
}

std::uint32_t take_back_unbegun(FarmState& farm, WorkerEntry& worker) {
  std::uint32_t tasks = 0;
  const std::set<AttemptId> held = worker.leases;  // those that end leave it
  for (const AttemptId id : held) tasks += take_back(farm, id);
  worker.tasks_taken_back += tasks;
  return tasks;
}

void make_room(FarmState& farm, const Placement& placement) {
  const JobEntry& job = farm.jobs.get(placement.place.job);
  const PhaseEntry& phase = job.phases[placement.place.phase];
  const std::set<AttemptId> held = farm.workers.get(placement.slot.worker).slots.at(placement.slot.slot).leases;
  std::vector<AttemptId> displaced;
  for (const AttemptId id : held)
    if (const Lease& lease = farm.leases.get(id);
        id == placement.instead_of ||
        (lease.share == job.share && is_displaceable(farm, lease) && may_displace(farm, job, phase, lease)))
      displaced.push_back(id);
  for (const AttemptId id : displaced) take_back(farm, id);
}

}  // namespace framemill::scheduler
