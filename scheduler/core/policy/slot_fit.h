// Whether a slot may take work of a request class now, and if not, why: one answer for the planner, which takes the
// yes, and for explain, which tells the no.
#pragma once

#include <cstdint>
#include <optional>

#include "scheduler/core/policy/reason.h"
#include "scheduler/core/state/device_booking.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

// Why it does not fit, finer than the public reason.
enum class PlacementBlocker : std::uint8_t {
  None,
  Silent,
  NotKnown,
  Revoked,
  SlotUnusable,  // no_worker
  WorkerQuarantined,
  Draining,
  PackageMissing,
  PackageDiffers,
  DeviceKind,
  DeviceClass,
  Memory,
  HostMemory,
  Cpus,
  Program,
  Media,  // needs_exceed_every_slot
  Root,   // storage_unreachable
  LeaseCap,
  PublishCap,  // cap_reached
  ExclusiveHeld,
  Occupied,
  BatchFull,
  KeptFree,  // for work that goes before
  MemoryBooked,
  GrantMissed,
  BackingOff,
  TriedElsewhere,  // back_off
  InputUnseen,     // input_missing
  SetAside,        // quarantined
  Maintenance,     // maintenance_window
  Limited,         // limit
  ShareCapped      // share_cap
};

struct SlotFit {
  PlacementBlocker blocker = PlacementBlocker::None;
  std::uint32_t capacity = 0;  // windows of this class that may run there at once
  std::uint32_t load = 0;      // tasks it could already run at once
  bool warm = false;           // the model is loaded there, or about to be
  bool queues = false;         // BatchFull: it would wait behind a full batch, while another slot may be free before
  bool fits() const { return blocker == PlacementBlocker::None; }
};

// The model is loaded in the slot, or about to be.
bool holds(const SlotEntry& slot, const base::Sha256& model);

// Whether the worker can serve all roots that the class reads and writes.
bool serves_roots(const WorkerEntry& worker, const Demand& demand);

// What no time and no finished work changes: the worker and the slot as they are. None: it could take the class when
// empty.
PlacementBlocker standing_misfit(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker,
                                 const SlotEntry& slot);
// Of these, the ones that a person must change something for: the slot could never take it.
bool is_permanent(PlacementBlocker blocker);

// What passes: leases and bookings. For a slot whose standing answer is None.
SlotFit fit_now(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                std::uint32_t leases_per_slot_max);
// The same for a slot that does not hold the class's model, on whose device so much is booked.
SlotFit fit_now(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                std::uint32_t leases_per_slot_max, std::uint64_t bytes_booked);
// Both, the standing answer first.
SlotFit fit_of(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
               std::uint32_t leases_per_slot_max);

Reason reason_of(PlacementBlocker blocker);

}  // namespace framemill::scheduler
