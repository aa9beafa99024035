#include "scheduler/core/policy/able_slots.h"

#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {

const FarmState::AbleSlots& able_slots(const FarmState& farm, ClassId demand_class) {
  FarmState::AbleSlots& able = farm.able_slots[demand_class];
  if (able.as_of == farm.workers_changed) return able;
  able = {};
  able.as_of = farm.workers_changed;
  const Demand& demand = farm.classes.of(demand_class);
  for (const auto& [id, worker] : farm.workers.all()) {
    const std::size_t first = able.slots.size();
    for (const auto& [index, slot] : worker.slots)
      if (standing_misfit(farm.memory, demand, worker, slot) == PlacementBlocker::None)
        able.slots.push_back({{id, index}, &slot});
    if (able.slots.size() == first) continue;
    able.workers.push_back({&worker, first, able.slots.size()});
    able.worker_ids.push_back(id);
  }
  return able;
}

const std::vector<WorkerId>& able_workers(const FarmState& farm, ClassId demand_class) {
  return able_slots(farm, demand_class).worker_ids;
}

}  // namespace framemill::scheduler
