#include "scheduler/core/policy/giving_way.h"

#include <algorithm>

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/begun_part.h"
#include "scheduler/core/policy/maintenance.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kLeasesLookedAt = 64;
// A share that is ahead of another by less device time than this, without what gives way, is not disturbed: giving way
// costs a message and a chunk that is cut short.
constexpr double kLead_us = 5e5;

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

// By priority; of equal ones, what continues an older job, or the same.
bool outranks(const JobEntry& job, const PhaseEntry& phase, const JobEntry& other) {
  if (job.record.priority != other.record.priority) return job.record.priority > other.record.priority;
  return job.record.id <= other.record.id && !phase.chain && !phase.plan->needs.empty();
}

const JobEntry& least_urgent(const FarmState& farm, const FarmState::AtWork& at_work) {
  return farm.jobs.get(JobId(static_cast<JobId::Representation>(-at_work.begin()->second)));
}

bool may_displace_other_share(const FarmState& farm, const JobEntry& job, const Lease& lease) {
  const TaskRange held = lease.record.tasks;
  const TaskRange keep = begun_part(farm, farm.jobs.get(lease.record.phase), lease);
  const double tail = lease.charged * (held.count - keep.count) / held.count;
  return farm.shares.may_take(job.share, lease.share, tail,
                              kLead_us * lease.device_weight * farm.shares.scale(farm.now()));
}

bool has_rivals(const FarmState& farm, ShareId share) {
  const auto at_work = farm.at_work.find(share);
  const auto ready = farm.ready.shares().find(share);
  if (at_work == farm.at_work.end() || ready == farm.ready.shares().end()) return false;
  const JobEntry& least = least_urgent(farm, at_work->second);
  return std::any_of(ready->second.lines.begin(), ready->second.lines.end(), [&](const auto& line) {
    const Place& first = line.second->begin()->first.place;
    const JobEntry& job = farm.jobs.get(first.job);
    return outranks(job, job.phases[first.phase], least);
  });
}

const std::set<ShareId>& rivalries(const FarmState& farm) {
  auto& [found, stale] = farm.rivalries;
  for (const ShareId share : stale) {
    if (has_rivals(farm, share))
      found.insert(share);
    else
      found.erase(share);
  }
  stale.clear();
  return found;
}

void add_displaceable(const FarmState& farm, const FarmState::AtWork& at_work, std::uint32_t& looked_at,
                      std::vector<AttemptId>& found) {
  for (const auto& [priority, negated] : at_work) {
    const JobEntry& job = farm.jobs.get(JobId(static_cast<JobId::Representation>(-negated)));
    for (auto phase = job.phases.rbegin(); phase != job.phases.rend(); ++phase)
      for (auto attempt = phase->attempts.rbegin(); attempt != phase->attempts.rend(); ++attempt) {
        if (++looked_at > kLeasesLookedAt) return;
        if (is_displaceable(farm, farm.leases.get(attempt->second))) found.push_back(attempt->second);
      }
  }
}

}  // namespace

bool is_displaceable(const FarmState& farm, const Lease& lease) {
  return !lease.has_expired && !is_likely_begun(farm, lease) &&
         begun_part(farm, farm.jobs.get(lease.record.phase), lease) != lease.record.tasks;
}

bool may_displace(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, const Lease& lease) {
  if (lease.share != job.share) return may_displace_other_share(farm, job, lease);
  const PhaseEntry& of_other = farm.jobs.get(lease.record.phase);
  return outranks(job, phase, farm.jobs.get(of_other.id.job)) &&
         (job.record.id != of_other.id.job || phase.shot < of_other.shot);
}

bool may_displace_any(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase) {
  const auto at_work = farm.at_work.find(job.share);
  if (at_work != farm.at_work.end() && outranks(job, phase, least_urgent(farm, at_work->second))) return true;
  return farm.shares.is_short(job.share);
}

bool any_may_displace(const FarmState& farm) {
  return farm.shares.any_short() || !rivalries(farm).empty();
}

bool any_may_displace(const FarmState& farm, ShareId share) {
  return rivalries(farm).contains(share) || farm.shares.is_short(share);
}

std::vector<AttemptId> displaceable_leases(const FarmState& farm, ShareId share) {
  std::vector<AttemptId> found;
  if (const auto own = farm.at_work.find(share); own != farm.at_work.end()) {
    std::uint32_t looked_at = 0;
    add_displaceable(farm, own->second, looked_at, found);
  }
  if (!farm.shares.is_short(share)) return found;
  std::uint32_t looked_at = 0;
  for (const ShareId other : farm.shares.most_ahead())
    if (farm.shares.may_take(share, other, 0, 0)) add_displaceable(farm, farm.at_work.at(other), looked_at, found);
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
    if (!may_displace(farm, job, phase, *lease)) continue;
    const PhaseEntry& of_other = farm.jobs.get(lease->record.phase);
    const SlotRef slot{lease->record.worker, lease->record.slot};
    if (reserved.contains(slot) || !is_able(farm, demand_class, slot) || at_publish_cap(farm, slot.worker)) continue;
    if (farm.caps.in_the_way(farm.shares, job.share, slot)) continue;
    const WorkerEntry& worker = farm.workers.get(slot.worker);
    if (tasks_before_drain(farm, phase, worker, worker.slots.at(slot.slot), 1) == 0) continue;
    const auto task = task_there(slot.worker);
    if (task && makes_room(farm, *lease, begun_part(farm, of_other, *lease), demand_class))
      return Displacement{id, slot, *task};
  }
  return std::nullopt;
}

}  // namespace framemill::scheduler
