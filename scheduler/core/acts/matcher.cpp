#include "scheduler/core/acts/matcher.h"

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/policy/planner.h"

namespace framemill::scheduler {
namespace {

void carry_out(FarmState& farm, const Placement& placement) {
  PhaseEntry& phase = farm.jobs.get(placement.place.job).phases[placement.place.phase];
  WorkerEntry& worker = farm.workers.get(placement.slot.worker);
  grant_attempt(farm, phase, placement.tasks, farm.classes.of(placement.demand_class), worker, placement.slot.slot,
                placement.fit.capacity);
}

}  // namespace

void match(FarmState& farm) {
  if (!farm.match_wanted && !farm.match_unfinished) return;
  farm.match_wanted = false;
  Planner planner(farm);
  bool more = true;
  for (std::uint32_t budget = farm.settings.grants_per_turn; more && budget > 0; --budget) {
    const auto placement = planner.next();
    if (placement) carry_out(farm, *placement);
    more = placement.has_value();
  }
  farm.match_unfinished = more && planner.has_more();
}

}  // namespace framemill::scheduler
