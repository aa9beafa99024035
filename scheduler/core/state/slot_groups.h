// Slots by what they can do. Those whose standing abilities are the same (device, packages, roots, programs) form a
// group, so that a request class is compared with groups and not with slots. Each group keeps the slots that may take
// more in the order of how empty they are, and beside that those that have a model. The index knows no policy: who asks
// (policy/able_groups.h, policy/slot_search.h) decides what fits. Derived from the roster and the ledger.
//
// Whoever changes a worker or what a slot holds says so (touch); what was touched is looked at again when somebody asks.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/state/device_booking.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

using GroupId = std::uint64_t;  // never used again; 0: the slot can take nothing at all

// How empty a slot is: the smaller goes first.
struct SlotRoom {
  std::uint32_t load = 0, leases = 0;
  std::uint64_t bytes_booked = 0;  // on its device; where models are separate, without what this model holds there
  SlotRef slot;
  auto operator<=>(const SlotRoom&) const = default;
};
using SlotsByRoom = std::set<SlotRoom>;

struct SlotGroup {
  GroupId id = 0;
  WorkerEntry worker;  // a worker and a slot that can what each of the group can, and hold nothing
  SlotEntry slot;
  std::size_t slots = 0;                           // of the group, also those that may take nothing more
  SlotsByRoom open;                                // those that may take more
  std::map<base::Sha256, SlotsByRoom> with_model;  // of them, by model: loaded there, or about to be
};

class SlotGroups {
 public:
  void touch(WorkerId worker) { touched_.push_back({worker, kAllSlots}); }
  void touch(const SlotRef& slot) { touched_.push_back(slot); }
  // What a model's windows take was measured anew: bookings of it change.
  void on_memory_learned(const base::Sha256& model);
  // Slots with at most so much load are of interest: nothing takes a slot that holds more.
  void admit_load(std::uint32_t most);
  // After this all is as the roster has it.
  void refresh(const WorkerRoster& workers, const MemoryLedger& ledger);

  const std::map<GroupId, SlotGroup>& all() const { return groups_; }
  GroupId group_of(const SlotRef& slot) const;  // 0: of none
  bool any_open() const { return open_slots_ > 0; }

  // They grow when the answer to a question changes: are there other groups (besides new ones, which have greater ids);
  // are slots in other groups.
  std::uint64_t groups_dropped() const { return groups_dropped_; }
  std::uint64_t members_moved() const { return members_moved_; }

 private:
  static constexpr std::uint32_t kAllSlots = UINT32_MAX;
  struct Entry {
    std::uint32_t slot = 0, device = 0;
    SlotGroup* group = nullptr;
    std::uint64_t bytes_booked = 0;  // by what the slot itself holds
    SlotRoom room;                   // where it stands in the order, if it is listed
    bool listed = false;
    std::vector<SlotRoom> model_rooms;  // the same, by model
    std::vector<base::Sha256> models;
  };
  using Entries = std::vector<Entry>;  // of one worker, by slot index

  void look_at_worker(WorkerId id, const WorkerEntry* worker, const MemoryLedger& ledger);
  void look_at_slot(const SlotRef& ref, const WorkerEntry& worker, const MemoryLedger& ledger);
  void place(Entry& entry, const WorkerEntry& worker, const SlotEntry& slot, const Entries& all,
             const MemoryLedger& ledger);
  void unlist(Entry& entry);
  void join(Entry& entry, SlotGroup* group);
  SlotGroup* group_for(const std::string& key, const WorkerEntry& worker, const SlotEntry& slot);
  void drop_empty_groups();

  std::map<GroupId, SlotGroup> groups_;
  std::unordered_map<std::string, SlotGroup*> by_abilities_;
  std::unordered_map<WorkerId, Entries> entries_;
  std::vector<SlotRef> touched_;
  GroupId last_group_ = 0;
  std::uint32_t load_most_ = 0;
  std::size_t open_slots_ = 0, empty_groups_ = 0;
  std::uint64_t groups_dropped_ = 0, members_moved_ = 0;
};

}  // namespace framemill::scheduler
