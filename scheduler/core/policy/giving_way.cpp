#include "scheduler/core/policy/giving_way.h"

#include <algorithm>

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/begun_part.h"
#include "scheduler/core/policy/maintenance.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kLeasesLookedAt = 64;

// The slot would take work of the class once the lease holds only `keep`.
bool makes_room(const FarmState& farm, const Lease& lease, TaskRange keep, ClassId demand_class) {
  const Demand& demand = farm.classes.of(demand_class);
  const WorkerEntry& now = farm.workers.get(lease.record.worker);
  const SlotEntry& slot = now.slots.at(lease.record.slot);
  const std::uint32_t tail = lease.record.tasks.count - keep.count;
  Lease after = lease;
  after.record.tasks = keep;
  after.left -= std::min(after.left, tail);
  const std::uint32_t freed = lease.parallel() - (keep.empty() ? 0 : after.parallel());
  if (slot.load - freed > demand.batch_max) return false;  // a look that costs nothing, for most
  WorkerEntry worker = now;
  if (keep.empty())
    WorkerRoster::detach(worker, lease);
  else
    WorkerRoster::load_changed(worker, after, lease.parallel());
  const auto there = worker.slots.find(lease.record.slot);
  return there != worker.slots.end() &&
         fit_now(farm.memory, demand, worker, there->second, farm.settings.leases_per_slot_max).fits();
}

// Of what a slot was granted first, no report may have come yet: it most likely runs.
bool is_likely_begun(const FarmState& farm, const Lease& lease) {
  const SlotEntry& slot = farm.workers.get(lease.record.worker).slots.at(lease.record.slot);
  return lease.activity.attempt == AttemptId{} && *slot.leases.begin() == lease.record.id;
}

bool is_able(const FarmState& farm, ClassId demand_class, const SlotRef& slot) {
  const auto& groups = able_groups(farm, demand_class).groups;
  const GroupId id = farm.slot_groups.group_of(slot);
  return std::any_of(groups.begin(), groups.end(), [&](const SlotGroup* group) { return group->id == id; });
}

}  // namespace

bool is_displaceable(const FarmState& farm, const Lease& lease) {
  return !lease.has_expired && !is_likely_begun(farm, lease) &&
         begun_part(farm, farm.jobs.get(lease.record.phase), lease) != lease.record.tasks;
}

bool may_displace(const JobEntry& job, const PhaseEntry& phase, const JobEntry& other) {
  if (job.record.priority != other.record.priority) return job.record.priority > other.record.priority;
  return job.record.id <= other.record.id && !phase.chain && !phase.plan->needs.empty();
}

bool may_displace(const JobEntry& job, const PhaseEntry& phase, const JobEntry& other, const PhaseEntry& of_other) {
  return may_displace(job, phase, other) && (job.record.id != other.record.id || phase.shot < of_other.shot);
}

std::vector<AttemptId> displaceable_leases(const FarmState& farm) {
  std::vector<AttemptId> found;
  std::uint32_t looked_at = 0;
  for (const auto& [priority, negated] : farm.at_work) {
    const JobEntry& job = farm.jobs.get(JobId(static_cast<JobId::Representation>(-negated)));
    for (auto phase = job.phases.rbegin(); phase != job.phases.rend(); ++phase)
      for (auto attempt = phase->attempts.rbegin(); attempt != phase->attempts.rend(); ++attempt) {
        if (++looked_at > kLeasesLookedAt) return found;
        if (is_displaceable(farm, farm.leases.get(attempt->second))) found.push_back(attempt->second);
      }
  }
  return found;
}

std::optional<Displacement> displacement_for(const FarmState& farm, const std::vector<AttemptId>& leases,
                                             const PhaseEntry& phase, ClassId demand_class,
                                             const SlotChoice::Reservations& reserved,
                                             const SlotChoice::TaskThere& task_there) {
  const JobEntry& job = farm.jobs.get(phase.id.job);
  for (const AttemptId id : leases) {
    const Lease* lease = farm.leases.find(id);  // it may have been taken back since
    if (lease == nullptr || !is_displaceable(farm, *lease)) continue;
    const PhaseEntry& of_other = farm.jobs.get(lease->record.phase);
    if (!may_displace(job, phase, farm.jobs.get(of_other.id.job), of_other)) continue;
    const SlotRef slot{lease->record.worker, lease->record.slot};
    if (reserved.contains(slot) || !is_able(farm, demand_class, slot) || at_publish_cap(farm, slot.worker)) continue;
    const WorkerEntry& worker = farm.workers.get(slot.worker);
    if (tasks_before_drain(farm, phase, worker, worker.slots.at(slot.slot), 1) == 0) continue;
    const auto task = task_there(slot.worker);
    if (task && makes_room(farm, *lease, begun_part(farm, of_other, *lease), demand_class))
      return Displacement{id, slot, *task};
  }
  return std::nullopt;
}

}  // namespace framemill::scheduler
