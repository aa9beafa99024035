#include "scheduler/core/policy/slot_choice.h"

#include <algorithm>
#include <utility>

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/maintenance.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

// Once an empty slot with the model was found, so many groups are compared for the first of them; then it is taken.
constexpr std::size_t kGroupsCompared = 64;

// Full slots become free by themselves; one that others would fill again must be kept.
bool is_worth_waiting_for(const SlotFit& fit) {
  return fit.blocker == PlacementBlocker::Occupied || fit.blocker == PlacementBlocker::MemoryBooked;
}

// What wants a slot for itself waits for one whatever it holds.
std::uint32_t load_most(const SlotGroup& group, const Demand& demand) {
  return demand.exclusive ? UINT32_MAX : demand.batch_max_on(group.worker.inventory.devices.front().kind);
}

bool is_open(const SlotGroup& group, const Demand& demand) {
  return !group.open.empty() && group.open.begin()->load <= load_most(group, demand);
}

}  // namespace

SlotAnswers::SlotAnswers(const FarmState& farm, ClassId demand_class, std::size_t able)
    : farm_(farm), demand_(farm.classes.of(demand_class)), waits_for_a_slot_(farm.ready.tasks_of(demand_class) < able) {
}

SlotFit SlotAnswers::now(const WorkerEntry& worker, const SlotEntry& slot) const {
  return with_queue(fit_now(farm_.memory, demand_, worker, slot, farm_.settings.leases_per_slot_max));
}

SlotFit SlotAnswers::now(const WorkerEntry& worker, const SlotEntry& slot, std::uint64_t bytes_booked) const {
  return with_queue(fit_now(farm_.memory, demand_, worker, slot, farm_.settings.leases_per_slot_max, bytes_booked));
}

SlotFit SlotAnswers::with_queue(SlotFit fit) const {
  // One chunk waits behind a full batch so that no gap opens between attempts, but not the last ones: another slot may
  // be free before.
  fit.queues = fit.fits() && fit.load >= fit.capacity && waits_for_a_slot_;
  if (fit.queues) fit.blocker = PlacementBlocker::BatchFull;
  return fit;
}

SlotChoice::SlotChoice(const FarmState& farm, const PhaseEntry& phase, ClassId demand_class,
                       const Reservations& reserved, TaskThere task_there)
    : farm_(farm), phase_(phase), share_(farm.jobs.get(phase.id.job).share), able_(able_groups(farm, demand_class)),
      reserved_(reserved), task_there_(std::move(task_there)), answers_(farm, demand_class, able_.slots),
      has_model_(answers_.demand().runner == Runner::Executor) {
  const Demand& demand = answers_.demand();
  // Slots that use a limit that is used up, as many as its count at most; or those of a share whose cap is reached.
  if (farm.limits.any_used_up() && farm.limits.used_up(demand_class, demand) != nullptr) {
    look_within(farm.limits.open_to(demand));
    return;
  }
  if (farm.caps.reached(farm.shares, share_)) {
    look_within(farm.caps.open_to(farm.shares, share_));
    return;
  }
  if (phase_.chain) look_at_last_worker();
  if (has_model_)
    for (const SlotGroup* group : able_.groups)
      if (const auto with = group->with_model.find(demand.model_digest); with != group->with_model.end())
        walk(with->second, load_most(*group, demand), true);
  std::size_t compared = 0;
  for (const SlotGroup* group : able_.groups) {
    if (!is_open(*group, demand)) continue;
    if (is_perfect() && (has_model_ || ++compared > kGroupsCompared)) break;
    walk(group->open, load_most(*group, demand), false);
  }
}

void SlotChoice::look_at_last_worker() {
  const WorkerEntry* worker = farm_.workers.find(phase_.last_worker);
  if (worker == nullptr) return;
  for (const auto& [index, slot] : worker->slots) look_at(phase_.last_worker, slot);
}

void SlotChoice::look_within(const std::vector<SlotRef>& slots) {
  for (const SlotRef& ref : slots) {
    if (farm_.caps.in_the_way(farm_.shares, share_, ref)) continue;
    const WorkerEntry& worker = farm_.workers.get(ref.worker);
    if (const auto slot = worker.slots.find(ref.slot); slot != worker.slots.end()) look_at(ref.worker, slot->second);
  }
}

void SlotChoice::look_at(WorkerId worker, const SlotEntry& slot) {
  const SlotRef ref{worker, slot.state.index};
  const GroupId id = farm_.slot_groups.group_of(ref);
  if (std::any_of(able_.groups.begin(), able_.groups.end(), [&](const SlotGroup* group) { return group->id == id; }))
    look({slot.load, static_cast<std::uint32_t>(slot.leases.size()), 0, ref}, true);
}

void SlotChoice::walk(const SlotsByRoom& rooms, std::uint32_t most, bool with_model) {
  for (auto at = rooms.begin(); at != rooms.end() && at->load <= most;) {
    const Next next = look(*at, with_model);
    if (next == Next::Nothing) return;
    if (next == Next::Slot) {
      ++at;
      continue;
    }
    const auto end = rooms.lower_bound({at->load, at->leases + 1, 0, {}});
    // The last of these have the least memory left; one that has too little for a single window is worth waiting for.
    if (next == Next::Full)
      for (auto last = std::prev(end); last != at && look(*last, with_model) == Next::Slot;) --last;
    at = end;
  }
}

// Slots with the same load and as many leases follow one another by the memory that is left: what does not fit into the
// first of them for want of it fits into none.
SlotChoice::Next SlotChoice::look(const SlotRoom& room, bool with_model) {
  ++farm_.slots_looked_at;
  if (reserved_.contains(room.slot)) return Next::Slot;
  const WorkerEntry& worker = farm_.workers.get(room.slot.worker);
  const SlotEntry& slot = worker.slots.at(room.slot.slot);
  const bool holds_model = with_model || (has_model_ && holds(slot, answers_.demand().model_digest));
  const SlotFit fit = holds_model ? answers_.now(worker, slot) : answers_.now(worker, slot, room.bytes_booked);
  const bool is_capped = slot.batch_cap.limit() < answers_.demand().batch_max;  // the next may take more
  const Next after = is_capped ? Next::Slot : fit.blocker == PlacementBlocker::BatchFull ? Next::Full : Next::Room;
  if (!fit.fits() && !fit.queues && !is_worth_waiting_for(fit)) return after;
  if (at_publish_cap(farm_, room.slot.worker)) return Next::Slot;
  const bool in_time = tasks_before_drain(farm_, phase_, worker, slot, fit.capacity) > 0;
  const std::optional<TaskIndex> task = in_time ? task_there_(room.slot.worker) : std::nullopt;
  avoided_ = avoided_ || ((fit.fits() || fit.queues) && !task);
  if (!task) return Next::Slot;
  queues_ = queues_ || fit.queues;
  if (fit.fits()) return take(room, fit, slot, *task);
  if (is_worth_waiting_for(fit) && (!worth_waiting_ || slot.load < waiting_load_)) {
    waiting_load_ = slot.load;
    worth_waiting_ = room.slot;
  }
  return after;
}

SlotChoice::Next SlotChoice::take(const SlotRoom& room, const SlotFit& fit, const SlotEntry& slot, TaskIndex task) {
  const Preference preference{static_cast<double>(fit.load) / fit.capacity, !fit.warm,
                              phase_.chain && phase_.last_worker != room.slot.worker, slot.leases.size(), room.slot};
  if (!best_ || preference < best_preference_) {
    best_preference_ = preference;
    best_ = {room.slot, fit, task};
  }
  if (fit.load == 0) return Next::Nothing;  // what follows is fuller
  return slot.batch_cap.limit() < answers_.demand().batch_max ? Next::Slot : Next::Room;
}

bool has_open_slot(const FarmState& farm, ClassId demand_class) {
  const Demand& demand = farm.classes.of(demand_class);
  const auto& groups = able_groups(farm, demand_class).groups;
  return std::any_of(groups.begin(), groups.end(), [&](const SlotGroup* group) { return is_open(*group, demand); });
}

}  // namespace framemill::scheduler
