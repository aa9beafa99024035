// Memory of devices as the farm books it: resident weights once per model and executor, beside them the largest batch
// that was admitted. The same prediction (jobs/memory.h) that the executor admits with; rows are corrected by measured
// peaks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "jobs/memory.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

class MemoryLedger {
 public:
  // The row for a model on a device: the package's prior for windows of the demand's shape, and the largest residual
  // measured on the device's class with windows of any shape. `floor_bytes` is what the spec asks for one window, if that
  // is more.
  jobs::MemoryRow row(const base::Sha256& digest, const jobs::MemoryPrior& cpu, const jobs::MemoryPrior& cuda,
                      std::uint64_t floor_bytes, const DeviceState& device) const;
  // True when predictions changed.
  bool measured(const Demand& demand, const DeviceState& device, std::uint32_t windows, std::uint64_t peak_bytes);

 private:
  std::map<std::pair<base::Sha256, std::string>, jobs::MemoryRow> rows_;  // by digest and device class
};

// Bytes booked on the slot's device by the work in it; without_model: leaving out what that model holds there.
std::uint64_t slot_booking(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                           const base::Sha256* without_model = nullptr);

// Windows of the demand that memory admits at once in this slot, beside what the device holds; at most what the
// package, and an earlier out-of-memory, allow. 0: none.
std::uint32_t admitted_batch(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                             const Demand& demand);
// The same where it is known what the device has booked for all but the demand's model in this slot.
std::uint32_t admitted_batch(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                             const Demand& demand, std::uint64_t bytes_booked);
// The same on an empty device: what the slot could ever take.
std::uint32_t batch_when_empty(const MemoryLedger& ledger, const DeviceState& device, const Demand& demand);

}  // namespace framemill::scheduler
