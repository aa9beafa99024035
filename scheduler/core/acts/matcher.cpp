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
  // What happens during a pass of several turns may concern what the pass has left behind: another follows.
  const bool another = farm.match_wanted && !farm.passed_over.empty();
  farm.match_wanted = false;
  const auto is_over = [&] { return farm.pass_is_over && farm.pass_is_over(); };
  Planner planner(farm, is_over);
  bool more = true;
  for (bool in_time = true; more && in_time; in_time = !planner.was_cut() && !is_over()) {
    const auto placement = planner.next();
    if (placement) carry_out(farm, *placement);
    more = placement.has_value();
  }
  more = planner.was_cut() || (more && planner.has_more());
  farm.passed_over = more ? planner.passed_over() : Planner::PassedOver();
  farm.match_wanted = another && more;
  farm.match_unfinished = more || another;
}

}  // namespace framemill::scheduler
