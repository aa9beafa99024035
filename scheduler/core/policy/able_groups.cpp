#include "scheduler/core/policy/able_groups.h"

#include <algorithm>

#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

FarmState::AbleGroups& look_up(const FarmState& farm, const SlotGroups& groups, ClassId demand_class) {
  FarmState::AbleGroups& able = farm.able_groups[demand_class];
  if (able.dropped != groups.groups_dropped() || able.learned != farm.memory_learned) {
    able = {};
    able.dropped = groups.groups_dropped();
    able.learned = farm.memory_learned;
  }
  const auto& all = groups.all();
  if (!all.empty() && able.looked_at < all.rbegin()->first) {
    const Demand& demand = farm.classes.of(demand_class);
    for (auto group = all.upper_bound(able.looked_at); group != all.end(); ++group)
      if (standing_misfit(farm.memory, demand, group->second.worker, group->second.slot) == PlacementBlocker::None)
        able.groups.push_back(&group->second);
    able.looked_at = all.rbegin()->first;
    able.counted = able.listed = UINT64_MAX;
  }
  if (able.counted != groups.members_moved()) {
    able.counted = groups.members_moved();
    able.slots = 0;
    for (const SlotGroup* group : able.groups) able.slots += group->slots;
  }
  return able;
}

}  // namespace

const SlotGroups& slot_groups(const FarmState& farm) {
  farm.slot_groups.refresh(farm.workers, farm.memory);
  return farm.slot_groups;
}

const FarmState::AbleGroups& able_groups(const FarmState& farm, ClassId demand_class) {
  return look_up(farm, slot_groups(farm), demand_class);
}

std::uint32_t slots_at_most(const FarmState& farm, ClassId demand_class, ShareId share) {
  const auto able = static_cast<std::uint32_t>(able_groups(farm, demand_class).slots);
  const std::uint32_t capped = std::min(able, CapBook::slots_most(farm.shares, share));
  if (!farm.limits.any()) return capped;
  return std::min(capped, farm.limits.slots_most(demand_class, farm.classes.of(demand_class)));
}

const std::vector<WorkerId>& able_workers(const FarmState& farm, ClassId demand_class) {
  const SlotGroups& groups = slot_groups(farm);
  FarmState::AbleGroups& able = look_up(farm, groups, demand_class);
  if (able.listed == groups.members_moved()) return able.workers;
  able.listed = groups.members_moved();
  able.workers.clear();
  if (able.slots == 0) return able.workers;
  const auto is_able = [&](WorkerId id, const auto& slot) {
    const GroupId group = groups.group_of({id, slot.first});
    const auto at = std::lower_bound(able.groups.begin(), able.groups.end(), group,
                                     [](const SlotGroup* g, GroupId wanted) { return g->id < wanted; });
    return at != able.groups.end() && (*at)->id == group;
  };
  for (const auto& [id, worker] : farm.workers.all())
    if (std::any_of(worker.slots.begin(), worker.slots.end(), [&](const auto& slot) { return is_able(id, slot); }))
      able.workers.push_back(id);
  return able.workers;
}

}  // namespace framemill::scheduler
