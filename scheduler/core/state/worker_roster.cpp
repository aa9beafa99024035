#include "scheduler/core/state/worker_roster.h"

#include <algorithm>

#include "base/check.h"

namespace framemill::scheduler {

jobs::WorkerState WorkerEntry::state() const {
  if (record.revoked) return jobs::WorkerState::Revoked;
  if (silent) return jobs::WorkerState::Silent;
  if (draining || record.drain_requested)
    return leases.empty() ? jobs::WorkerState::Drained : jobs::WorkerState::Draining;
  return jobs::WorkerState::Up;
}

bool WorkerEntry::takes_grants() const {
  return known && !silent && !draining && !record.drain_requested && !record.quarantined && !record.revoked;
}

bool WorkerEntry::may_take_work() const {
  return known && !silent && !draining && !record.drain_requested && !record.revoked && !missed_grant &&
         (!record.quarantined || probe_open);
}

bool WorkerEntry::sees_root(const std::string& root) const {
  return std::any_of(inventory.roots.begin(), inventory.roots.end(),
                     [&](const RootSeen& seen) { return seen.usable && seen.name == root; });
}

bool WorkerEntry::reads_root(const std::string& root) const {
  return std::any_of(inventory.roots.begin(), inventory.roots.end(),
                     [&](const RootSeen& seen) { return (seen.usable || seen.readable) && seen.name == root; });
}

const DeviceState* WorkerEntry::device_of(const SlotEntry& slot) const {
  return slot.state.device < inventory.devices.size() ? &inventory.devices[slot.state.device] : nullptr;
}

const std::string& WorkerEntry::device_class_of(std::uint32_t slot) const {
  static const std::string kUnknown;
  const auto entry = slots.find(slot);
  const DeviceState* device = entry == slots.end() ? nullptr : device_of(entry->second);
  return device == nullptr ? kUnknown : device->device_class;
}

WorkerEntry* WorkerRoster::find(WorkerId id) {
  const auto entry = workers_.find(id);
  return entry == workers_.end() ? nullptr : &entry->second;
}
const WorkerEntry* WorkerRoster::find(WorkerId id) const {
  const auto entry = workers_.find(id);
  return entry == workers_.end() ? nullptr : &entry->second;
}
WorkerEntry& WorkerRoster::get(WorkerId id) {
  WorkerEntry* worker = find(id);
  FM_CHECK(worker != nullptr, "a worker that is named and not there");
  return *worker;
}
const WorkerEntry& WorkerRoster::get(WorkerId id) const {
  const WorkerEntry* worker = find(id);
  FM_CHECK(worker != nullptr, "a worker that is named and not there");
  return *worker;
}
WorkerEntry* WorkerRoster::find_key(const std::string& key) {
  const auto entry = keys_.find(key);
  return entry == keys_.end() ? nullptr : find(entry->second);
}
const WorkerEntry* WorkerRoster::find_key(const std::string& key) const {
  const auto entry = keys_.find(key);
  return entry == keys_.end() ? nullptr : find(entry->second);
}

WorkerEntry& WorkerRoster::add(WorkerRecord record) {
  const WorkerId id = record.id;
  keys_.insert_or_assign(record.key, id);
  WorkerEntry& worker = workers_[id];
  worker.record = std::move(record);
  return worker;
}

void WorkerRoster::heard(WorkerEntry& worker, base::Instant now, base::Duration alarm) {
  // A worker that is not silent has its timer already, at an earlier moment; it is set right when that comes.
  if (worker.silent) alarms_.emplace(now + alarm, worker.record.id);
  worker.last_heard = now;
  worker.silent = false;
}

WorkerEntry* WorkerRoster::next_silent(base::Instant now, base::Duration alarm) {
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    WorkerEntry& worker = get(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    const base::Instant due = worker.last_heard + alarm;
    if (due <= now) {
      worker.silent = true;
      return &worker;
    }
    alarms_.emplace(due, worker.record.id);
  }
  return nullptr;
}

void WorkerRoster::shift_all(base::Duration gap) {
  std::set<std::pair<base::Instant, WorkerId>> moved;
  for (const auto& [due, id] : alarms_) moved.emplace(due + gap, id);
  alarms_ = std::move(moved);
  for (auto& [id, worker] : workers_) {
    worker.last_heard = worker.last_heard + gap;
    for (auto& [root, since] : worker.roots_lost) since = since + gap;
  }
}

void WorkerRoster::attach(WorkerEntry& worker, const Lease& lease, std::uint32_t cap) {
  SlotEntry& slot = worker.slots[lease.record.slot];
  slot.state.index = lease.record.slot;
  if (slot.state.name.empty()) slot.state.name = lease.record.slot_name;  // after a restart, until the worker reports
  worker.leases.insert(lease.record.id);
  slot.leases.insert(lease.record.id);
  slot.load += lease.parallel();
  if (lease.demand.exclusive) ++slot.exclusive;
  auto use = std::find_if(slot.models.begin(), slot.models.end(),
                          [&](const ModelUse& m) { return m.digest == lease.demand.model_digest; });
  if (use == slot.models.end()) {
    use = slot.models.insert(use, ModelUse{});
    use->digest = lease.demand.model_digest;
    use->cpu_memory = lease.demand.cpu_memory;
    use->cuda_memory = lease.demand.cuda_memory;
  }
  use->floor_bytes = std::max(use->floor_bytes, lease.demand.device_memory_bytes);
  use->windows += lease.windows;
  use->cap = std::max(cap, 1u);
  ++use->leases;
}

void WorkerRoster::detach(WorkerEntry& worker, const Lease& lease) {
  const auto place = worker.slots.find(lease.record.slot);
  FM_CHECK(place != worker.slots.end(), "a lease in a slot that is not there");
  SlotEntry& slot = place->second;
  worker.leases.erase(lease.record.id);
  slot.leases.erase(lease.record.id);
  slot.load -= lease.parallel();
  if (lease.demand.exclusive) --slot.exclusive;
  const auto use = std::find_if(slot.models.begin(), slot.models.end(),
                                [&](const ModelUse& m) { return m.digest == lease.demand.model_digest; });
  FM_CHECK(use != slot.models.end(), "a lease whose model its slot does not hold");
  use->windows -= lease.windows;
  if (--use->leases == 0) slot.models.erase(use);
  const bool vanished = std::none_of(worker.inventory.slots.begin(), worker.inventory.slots.end(),
                                     [&](const SlotState& s) { return s.index == place->first; });
  if (slot.leases.empty() && vanished) worker.slots.erase(place);
}

void WorkerRoster::load_changed(WorkerEntry& worker, const Lease& lease, std::uint32_t before) {
  SlotEntry& slot = worker.slots.at(lease.record.slot);
  slot.load = slot.load - before + lease.parallel();
}

void WorkerRoster::take_inventory(WorkerEntry& worker, const Inventory& inventory) {
  worker.inventory = inventory;
  worker.known = true;
  for (auto slot = worker.slots.begin(); slot != worker.slots.end();) {
    const auto still = std::find_if(inventory.slots.begin(), inventory.slots.end(),
                                    [&](const SlotState& s) { return s.index == slot->first; });
    if (still == inventory.slots.end() && slot->second.leases.empty()) {
      slot = worker.slots.erase(slot);
      continue;
    }
    slot->second.gone = still == inventory.slots.end();
    ++slot;
  }
  for (const SlotState& slot : inventory.slots) {
    worker.slots[slot.index].state = slot;
    worker.slots[slot.index].gone = false;
  }
}

}  // namespace framemill::scheduler
