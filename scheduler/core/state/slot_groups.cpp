#include "scheduler/core/state/slot_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/digest_bytes.h"

namespace framemill::scheduler {
namespace {

// Groups that nobody is in are kept, for a worker that comes back, as long as they are few.
constexpr std::size_t kEmptyGroupsKept = 64;

void add_text(std::string& key, const std::string& text) {
  fmt::format_to(std::back_inserter(key), "{}:{}", text.size(), text);
}

void add_number(std::string& key, std::uint64_t number) {
  fmt::format_to(std::back_inserter(key), "{},", number);
}

// All of a worker that decides which classes of work its slots can take.
std::string abilities_of(const WorkerEntry& worker) {
  std::string key;
  for (const PackageHeld& held : worker.inventory.packages) {
    add_text(key, held.id);
    key += base::raw_bytes(held.root_digest);
  }
  key += '/';
  for (const RootSeen& root : worker.inventory.roots) {
    add_text(key, root.name);
    add_number(key, (root.usable ? 2u : 0u) + (root.readable ? 1u : 0u));
  }
  key += '/';
  for (const std::string& command : worker.inventory.commands) add_text(key, command);
  key += worker.inventory.media ? "/m" : "/";
  return key;
}

// The same, of one slot of it.
std::string abilities_of(const std::string& of_worker, const DeviceState& device, const SlotState& slot) {
  std::string key = of_worker;
  add_text(key, device.device_class);
  add_number(key, static_cast<std::uint64_t>(device.kind));
  add_number(key, device.cpus);
  add_number(key, device.memory_bytes_budget);
  add_number(key, slot.usable ? 1 : 0);
  return key;
}

// What the slot holds or will hold soon. Work without a model has a digest of zeros.
std::vector<base::Sha256> models_of(const SlotEntry& slot) {
  std::vector<base::Sha256> models;
  for (const ModelUse& use : slot.models)
    if (use.digest != base::Sha256{}) models.push_back(use.digest);
  for (const base::Sha256& loaded : slot.state.loaded_models)
    if (std::find(models.begin(), models.end(), loaded) == models.end()) models.push_back(loaded);
  return models;
}

}  // namespace

void SlotGroups::on_memory_learned(const base::Sha256& model) {
  for (const auto& [id, entries] : entries_)
    for (const Entry& entry : entries)
      if (std::find(entry.models.begin(), entry.models.end(), model) != entry.models.end())
        touch(SlotRef{id, entry.slot});
}

void SlotGroups::admit_load(std::uint32_t most) {
  if (most <= load_most_) return;
  load_most_ = most;
  for (const auto& [id, entries] : entries_)
    for (const Entry& entry : entries)
      if (!entry.listed) touch(SlotRef{id, entry.slot});
}

void SlotGroups::refresh(const WorkerRoster& workers, const MemoryLedger& ledger) {
  if (touched_.empty()) return;
  if (touched_.size() > 1) {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  }
  for (const SlotRef& touched : touched_) {
    const WorkerEntry* worker = workers.find(touched.worker);
    if (worker != nullptr && touched.slot != kAllSlots)
      look_at_slot(touched, *worker, ledger);
    else
      look_at_worker(touched.worker, worker, ledger);
  }
  touched_.clear();
  drop_empty_groups();
}

GroupId SlotGroups::group_of(const SlotRef& slot) const {
  const auto entries = entries_.find(slot.worker);
  if (entries == entries_.end()) return 0;
  for (const Entry& entry : entries->second)
    if (entry.slot == slot.slot) return entry.group == nullptr ? 0 : entry.group->id;
  return 0;
}

void SlotGroups::look_at_worker(WorkerId id, const WorkerEntry* worker, const MemoryLedger& ledger) {
  Entries& entries = entries_[id];
  for (Entry& entry : entries)
    if (worker == nullptr || !worker->slots.contains(entry.slot)) join(entry, nullptr);
  std::erase_if(entries, [&](const Entry& entry) { return worker == nullptr || !worker->slots.contains(entry.slot); });
  if (worker == nullptr || worker->slots.empty()) {
    entries_.erase(id);
    return;
  }
  const bool open = worker->may_take_work();
  const std::string of_worker = open ? abilities_of(*worker) : std::string();
  if (entries.size() < worker->slots.size()) entries.reserve(worker->slots.size());
  for (const auto& [index, slot] : worker->slots) {
    const auto before = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.slot >= index; });
    const auto at = before != entries.end() && before->slot == index ? before : entries.insert(before, Entry{});
    const DeviceState* device = worker->device_of(slot);
    at->slot = index;
    at->device = slot.state.device;
    at->bytes_booked = slot_booking(ledger, *worker, slot);
    const bool able = open && device != nullptr && !slot.gone;
    join(*at, able ? group_for(abilities_of(of_worker, *device, slot.state), *worker, slot) : nullptr);
  }
  auto entry = entries.begin();
  for (const auto& [index, slot] : worker->slots) place(*entry++, *worker, slot, entries, ledger);
}

void SlotGroups::look_at_slot(const SlotRef& ref, const WorkerEntry& worker, const MemoryLedger& ledger) {
  const auto entries = entries_.find(ref.worker);
  if (entries == entries_.end()) return look_at_worker(ref.worker, &worker, ledger);
  Entries& all = entries->second;
  const auto entry = std::find_if(all.begin(), all.end(), [&](const Entry& e) { return e.slot == ref.slot; });
  const auto slot = worker.slots.find(ref.slot);
  if (entry == all.end() || slot == worker.slots.end()) return look_at_worker(ref.worker, &worker, ledger);
  const std::uint64_t booked = slot_booking(ledger, worker, slot->second);
  const bool others_too = std::exchange(entry->bytes_booked, booked) != booked;
  for (Entry& other : all) {
    if (&other != &*entry && (!others_too || other.device != entry->device)) continue;
    const auto there = worker.slots.find(other.slot);  // one that has vanished was touched itself
    if (there != worker.slots.end()) place(other, worker, there->second, all, ledger);
  }
}

void SlotGroups::place(Entry& entry, const WorkerEntry& worker, const SlotEntry& slot, const Entries& all,
                       const MemoryLedger& ledger) {
  const bool listed = entry.group != nullptr && slot.exclusive == 0 && slot.load <= load_most_;
  if (!listed && !entry.listed) {
    if (!entry.models.empty() || !slot.models.empty() || !slot.state.loaded_models.empty())
      entry.models = models_of(slot);
    return;
  }
  SlotRoom room{slot.load, static_cast<std::uint32_t>(slot.leases.size()), 0, {worker.record.id, entry.slot}};
  for (const Entry& other : all)
    if (other.device == entry.device) room.bytes_booked += other.bytes_booked;
  std::vector<base::Sha256> models = models_of(slot);
  std::vector<SlotRoom> model_rooms(models.size(), room);
  for (std::size_t i = 0; i < models.size(); ++i)
    model_rooms[i].bytes_booked -= entry.bytes_booked - slot_booking(ledger, worker, slot, &models[i]);
  if (listed && entry.listed && room == entry.room && models == entry.models && model_rooms == entry.model_rooms)
    return;
  unlist(entry);
  entry.room = room;
  entry.models = std::move(models);
  entry.model_rooms = std::move(model_rooms);
  entry.listed = listed;
  if (!listed) return;
  ++open_slots_;
  entry.group->open.insert(entry.room);
  for (std::size_t i = 0; i < entry.models.size(); ++i)
    entry.group->with_model[entry.models[i]].insert(entry.model_rooms[i]);
}

void SlotGroups::unlist(Entry& entry) {
  if (!std::exchange(entry.listed, false)) return;
  --open_slots_;
  entry.group->open.erase(entry.room);
  for (std::size_t i = 0; i < entry.models.size(); ++i) {
    const auto with = entry.group->with_model.find(entry.models[i]);
    with->second.erase(entry.model_rooms[i]);
    if (with->second.empty()) entry.group->with_model.erase(with);
  }
}

void SlotGroups::join(Entry& entry, SlotGroup* group) {
  if (entry.group == group) return;
  unlist(entry);
  ++members_moved_;
  if (entry.group != nullptr && --entry.group->slots == 0) ++empty_groups_;
  if (group != nullptr && group->slots++ == 0) --empty_groups_;
  entry.group = group;
}

SlotGroup* SlotGroups::group_for(const std::string& key, const WorkerEntry& worker, const SlotEntry& slot) {
  const auto [entry, added] = by_abilities_.try_emplace(key, nullptr);
  if (!added) return entry->second;
  SlotGroup& group = groups_[++last_group_];
  entry->second = &group;
  ++empty_groups_;
  group.id = last_group_;
  group.worker.known = true;
  group.worker.silent = false;
  group.worker.inventory = worker.inventory;
  group.worker.inventory.slots.clear();
  group.worker.inventory.devices = {*worker.device_of(slot)};
  group.slot.state.usable = slot.state.usable;
  return &group;
}

void SlotGroups::drop_empty_groups() {
  if (empty_groups_ <= kEmptyGroupsKept + groups_.size() / 2) return;
  std::erase_if(by_abilities_, [](const auto& entry) { return entry.second->slots == 0; });
  std::erase_if(groups_, [](const auto& entry) { return entry.second.slots == 0; });
  empty_groups_ = 0;
  ++groups_dropped_;
}

}  // namespace framemill::scheduler
