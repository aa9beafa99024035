#include "scheduler/core/acts/matcher.h"

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/take_back.h"
#include "scheduler/core/policy/planner.h"

namespace framemill::scheduler {
namespace {

// False: the place that others gave back does not do.
bool carry_out(FarmState& farm, const Placement& placement) {
  if (placement.instead_of) make_room(farm, placement);
  PhaseEntry& phase = farm.jobs.get(placement.place.job).phases[placement.place.phase];
  WorkerEntry& worker = farm.workers.get(placement.slot.worker);
  const Demand& demand = farm.classes.of(placement.demand_class);
  SlotFit fit = placement.fit;
  if (placement.instead_of) {
    const auto slot = worker.slots.find(placement.slot.slot);
    if (slot == worker.slots.end()) return false;
    fit = fit_now(farm.memory, demand, worker, slot->second, farm.settings.leases_per_slot_max);
    if (!fit.fits()) return false;
  }
  grant_attempt(farm, phase, placement.tasks, demand, worker, placement.slot.slot, fit.capacity);
  return true;
}

}  // namespace

void match(FarmState& farm) {
  if (!farm.match_wanted && !farm.match_unfinished) return;
  // What happens during a pass of several turns may concern what the pass has left behind: another follows.
  const bool another = farm.match_wanted && !farm.passed_over.empty();
  farm.match_wanted = false;
  const auto is_over = [&] { return farm.pass_is_over && farm.pass_is_over(); };
  Planner planner(farm, is_over);
  bool more = true;
  for (bool in_time = true; more && in_time; in_time = !planner.was_cut() && !is_over()) {
    const auto placement = planner.next();
    more = placement && carry_out(farm, *placement);
  }
  more = planner.was_cut() || (more && planner.has_more());
  farm.passed_over = more ? planner.passed_over() : Planner::PassedOver();
  farm.match_wanted = farm.match_wanted || (another && more);  // what was taken back may go elsewhere
  farm.match_unfinished = more || another;
}

}  // namespace framemill::scheduler
