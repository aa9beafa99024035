#include "scheduler/core/policy/idle_slots.h"

#include <algorithm>

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/begun_part.h"
#include "scheduler/core/policy/giving_way.h"
#include "scheduler/core/policy/slot_choice.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kNewestLeases = 64;
constexpr double kRunningLeft = 0.5;  // of a task that runs, where nobody knows better

// It does not run beside the others in its slot: the slot's batch is full without it.
bool waits_its_turn(const WorkerEntry& worker, const Lease& lease) {
  const SlotEntry& slot = worker.slots.at(lease.record.slot);
  const auto use = std::find_if(slot.models.begin(), slot.models.end(),
                                [&](const ModelUse& m) { return m.digest == lease.demand.model_digest; });
  return use != slot.models.end() && slot.load > use->cap;
}

// Its tasks go wherever their class goes: none had trouble, which would keep it from some workers.
bool goes_anywhere(const FarmState& farm, const PhaseEntry& phase, const Lease& lease) {
  const auto trouble = phase.troubles.lower_bound(lease.record.tasks.first);
  return (trouble == phase.troubles.end() || trouble->first >= lease.record.tasks.end()) &&
         lease.demand == farm.classes.of(phase.common_class);
}

// Seconds until the first of the phase's tasks would end in the slot that the planner would give it, if that is idle.
std::optional<double> seconds_in_idle_slot(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase) {
  const Judges judges(farm, job, phase.plan->layer, phase.common_class);
  const SlotChoice::Reservations nothing;
  const SlotChoice choice(farm, phase, phase.common_class, nothing, [&](WorkerId worker) {
    return task_for(farm, job, phase, Grouping::Common, worker, judges, 0);
  });
  const auto& best = choice.best();
  if (!best || best->fit.load > 0) return std::nullopt;
  const auto usual =
      farm.pace.seconds(phase.pace, farm.workers.get(best->slot.worker).device_class_of(best->slot.slot));
  if (!usual) return std::nullopt;
  return *usual * farm.pace.slowness(best->slot.worker) + (best->fit.warm ? 0 : farm.pace.load_seconds(phase.pace));
}

}  // namespace

std::optional<AttemptId> waits_beside_idle_slot(const FarmState& farm) {
  if (!farm.ready.classes().empty() || !slot_groups(farm).any_open()) return std::nullopt;
  std::size_t looked_at = 0;
  const auto& leases = farm.leases.live();
  for (auto at = leases.rbegin(); at != leases.rend() && ++looked_at <= kNewestLeases; ++at) {
    const Lease& lease = at->second;
    const JobEntry& job = farm.jobs.get(lease.record.phase.job);
    const PhaseEntry& phase = job.phases[lease.record.phase.index];
    if (lease.granted_at == farm.now()) continue;  // the planner knew of the idle slot
    if (lease.chain || !is_displaceable(farm, lease) || !job.may_be_granted() || !goes_anywhere(farm, phase, lease))
      continue;
    const WorkerEntry& worker = farm.workers.get(lease.record.worker);
    if (!waits_its_turn(worker, lease)) continue;
    const std::uint32_t begun = begun_part(farm, phase, lease).count;
    const bool is_first = *worker.slots.at(lease.record.slot).leases.begin() == lease.record.id;
    if (begun == 0 && is_first) continue;                  // its model is being loaded
    if (begun > 0 && job.layer_of(phase).chunk) continue;  // as its spec wants it
    const auto usual = farm.pace.seconds(phase.pace, lease.record.device_class);
    const auto elsewhere = seconds_in_idle_slot(farm, job, phase);
    if (!usual || !elsewhere) continue;
    const double here =
        *usual * farm.pace.slowness(worker.record.id) * (kRunningLeft + lease.left - (begun > 0 ? 1 : 0));
    if (*elsewhere < here) return lease.record.id;
  }
  return std::nullopt;
}

}  // namespace framemill::scheduler
