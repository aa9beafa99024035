// The workers of the farm with what they last said of themselves, and what their slots hold. A worker is its CURVE key;
// a new incarnation is a new process of it. What a slot holds is derived from the leases.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jobs/batch_cap.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/lease_book.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/share_tree.h"
#include "scheduler/core/state/view_marks.h"

namespace framemill::scheduler {

// How long a refused process with the key of a worker is shown beside it.
inline constexpr base::Duration kKeyContestedShown = base::seconds(60);

struct ModelUse {  // windows of one model booked in one slot
  base::Sha256 digest;
  jobs::MemoryPrior cpu_memory, cuda_memory;
  std::uint64_t floor_bytes = 0;  // needs.device_memory of its leases, the largest
  std::uint32_t windows = 0, leases = 0;
  std::uint32_t cap = 1;  // windows that were admitted at once at its last grant
};

// Of attempts: each shows a batch size for all its windows.
inline constexpr jobs::BatchCap kSlotBatchCap{8, 512};

struct SlotEntry {
  SlotState state;
  bool gone = false;  // the worker no longer names it; here only for its last leases
  std::set<AttemptId> leases;
  std::uint32_t load = 0;       // tasks that could run at once: sum of parallel() of its leases
  std::uint32_t exclusive = 0;  // leases that hold the slot for themselves
  std::vector<ModelUse> models;
  SharesInSlot shares;                       // whose work it holds
  jobs::BatchCap batch_cap = kSlotBatchCap;  // after an out-of-memory; forgotten with the incarnation
};

struct SlotRef {
  WorkerId worker;
  std::uint32_t slot = 0;
  auto operator<=>(const SlotRef&) const = default;
};

struct WorkerEntry {
  WorkerRecord record;
  bool known = false;  // an inventory of this incarnation is here
  Inventory inventory;
  std::map<std::uint32_t, SlotEntry> slots;  // by index; one that vanished stays while it has leases
  std::set<AttemptId> leases;
  std::uint64_t former_incarnation = 0, sequence = 0;
  std::uint64_t inventory_sequence = 0;  // of the report that told the present inventory
  base::Instant last_heard;
  bool silent = true;
  std::string address;                 // where its reports come from
  std::string other_address;           // of the process that last showed its key and was refused
  base::Instant other_seen;            // when; only with other_address
  bool draining = false;               // by its own will
  std::uint64_t tasks_taken_back = 0;  // since it was asked to drain, as far as this process of the scheduler saw
  bool missed_grant = false;           // one could not be sent to it: it gets no more before its next report
  // In quarantine: one lease is tried there after a while; forgotten at a restart, which begins the pause anew.
  base::Instant probe_at{INT64_MAX};
  base::Duration probe_pause{};
  bool probe_open = false;                          // it may have one
  AttemptId probe;                                  // it has it
  bool tells_publishing = false;                    // in this incarnation: silence about an order says nothing
  std::map<std::string, base::Instant> roots_lost;  // roots that it names and cannot serve now, since when
  bool dirty = false;
  RowState row;

  jobs::WorkerState state() const;
  bool takes_grants() const;                       // up, known, neither draining nor quarantined
  bool may_take_work() const;                      // the same, and where it is quarantined a probe is due
  bool sees_root(const std::string& root) const;   // and work may write there
  bool reads_root(const std::string& root) const;  // it serves inputs
  const DeviceState* device_of(const SlotEntry& slot) const;
  const std::string& device_class_of(std::uint32_t slot) const;
};

class WorkerRoster {
 public:
  WorkerEntry* find(WorkerId id);  // null: there is none
  const WorkerEntry* find(WorkerId id) const;
  WorkerEntry& get(WorkerId id);  // that must be there: stops where it is not (promise P8)
  const WorkerEntry& get(WorkerId id) const;
  WorkerEntry* find_key(const std::string& key);
  const WorkerEntry* find_key(const std::string& key) const;
  WorkerEntry& add(WorkerRecord record);
  std::map<WorkerId, WorkerEntry>& all() { return workers_; }
  const std::map<WorkerId, WorkerEntry>& all() const { return workers_; }

  void heard(WorkerEntry& worker, base::Instant now, base::Duration alarm);
  base::Instant next_alarm() const { return alarms_.empty() ? base::kNever : alarms_.begin()->first; }
  WorkerEntry* next_silent(base::Instant now, base::Duration alarm);  // marked silent; nothing when all were heard
  void shift_all(base::Duration gap);

  // Keep the slots' contents right; the lease's own fields must not change in between. They change the worker alone.
  static void attach(WorkerEntry& worker, const Lease& lease, std::uint32_t cap);
  static void detach(WorkerEntry& worker, const Lease& lease);
  static void load_changed(WorkerEntry& worker, const Lease& lease,
                           std::uint32_t before);  // its parallel() was `before`
  void take_inventory(WorkerEntry& worker, const Inventory& inventory);

 private:
  std::map<WorkerId, WorkerEntry> workers_;
  std::map<std::string, WorkerId> keys_;
  std::set<std::pair<base::Instant, WorkerId>> alarms_;  // at or before the moment each would be silent
};

}  // namespace framemill::scheduler
