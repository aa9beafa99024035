#include "scheduler/core/state/device_booking.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

jobs::MemoryRow demanded_row(const MemoryLedger& ledger, const Demand& demand, const DeviceState& device) {
  return ledger.row(demand.model_digest, demand.cpu_memory, demand.cuda_memory, demand.device_memory_bytes, device);
}

// Commands, encodes and sheets book what their spec asks for, and no weights.
bool has_model(const Demand& demand) {
  return demand.runner == Runner::Executor;
}

}  // namespace

jobs::MemoryRow MemoryLedger::row(const base::Sha256& digest, const jobs::MemoryPrior& cpu,
                                  const jobs::MemoryPrior& cuda, std::uint64_t floor_bytes,
                                  const DeviceState& device) const {
  jobs::MemoryRow row = jobs::row_from_prior(device.kind == DeviceKind::Cuda ? cuda : cpu);
  if (const auto measured = rows_.find({digest, device.device_class}); measured != rows_.end())
    row.residual_bytes_max = measured->second.residual_bytes_max;
  const std::uint64_t one = jobs::booking_bytes(row, 1);
  if (one < floor_bytes) row.resident_bytes += floor_bytes - one;
  return row;
}

bool MemoryLedger::measured(const Demand& demand, const DeviceState& device, std::uint32_t windows,
                            std::uint64_t peak_bytes) {
  if (!has_model(demand) || device.device_class.empty() || windows == 0 || peak_bytes == 0) return false;
  const jobs::MemoryPrior& prior = device.kind == DeviceKind::Cuda ? demand.cuda_memory : demand.cpu_memory;
  jobs::MemoryRow& measured = rows_[{demand.model_digest, device.device_class}];
  const std::uint64_t residual = measured.residual_bytes_max;
  jobs::MemoryRow row = jobs::row_from_prior(prior);
  row.residual_bytes_max = residual;
  row.samples = measured.samples;
  measured = jobs::corrected(row, windows, peak_bytes);
  return measured.residual_bytes_max != residual;
}

std::uint64_t slot_booking(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                           const base::Sha256* without_model) {
  const DeviceState* device = worker.device_of(slot);
  if (device == nullptr) return 0;
  std::uint64_t bytes = 0;
  for (const ModelUse& use : slot.models) {
    if (without_model != nullptr && use.digest == *without_model) continue;
    if (use.floor_bytes == 0 && use.digest == base::Sha256{}) continue;  // work without a model that asks for none
    const jobs::MemoryRow row = ledger.row(use.digest, use.cpu_memory, use.cuda_memory, use.floor_bytes, *device);
    bytes += jobs::booking_bytes(row, std::min(use.windows, use.cap));
  }
  return bytes;
}

std::uint32_t batch_when_empty(const MemoryLedger& ledger, const DeviceState& device, const Demand& demand) {
  if (!has_model(demand)) return demand.device_memory_bytes <= device.memory_bytes_budget ? 1 : 0;
  const std::uint32_t measured = jobs::largest_batch(demanded_row(ledger, demand, device), device.memory_bytes_budget,
                                                     demand.batch_max_on(device.kind));
  if (measured > 0) return measured;
  // What was measured may hold other models' weights, which can be evicted: one window that fitted by the package's
  // word is still let in alone, and the executor has the last word.
  const jobs::MemoryPrior& prior = device.kind == DeviceKind::Cuda ? demand.cuda_memory : demand.cpu_memory;
  const std::uint64_t one = std::max(jobs::booking_bytes(jobs::row_from_prior(prior), 1), demand.device_memory_bytes);
  return one <= device.memory_bytes_budget ? 1 : 0;
}

std::uint32_t admitted_batch(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                             const Demand& demand) {
  std::uint64_t others = slot_booking(ledger, worker, slot, has_model(demand) ? &demand.model_digest : nullptr);
  for (const auto& [index, other] : worker.slots)
    if (!other.models.empty() && index != slot.state.index && other.state.device == slot.state.device)
      others += slot_booking(ledger, worker, other);
  return admitted_batch(ledger, worker, slot, demand, others);
}

std::uint32_t admitted_batch(const MemoryLedger& ledger, const WorkerEntry& worker, const SlotEntry& slot,
                             const Demand& demand, std::uint64_t bytes_booked) {
  const DeviceState* device = worker.device_of(slot);
  if (device == nullptr) return 0;
  if (bytes_booked == 0) return std::min(batch_when_empty(ledger, *device, demand), slot.batch_cap.limit());
  if (bytes_booked >= device->memory_bytes_budget) return 0;
  const std::uint64_t available = device->memory_bytes_budget - bytes_booked;
  if (!has_model(demand)) return demand.device_memory_bytes <= available ? 1 : 0;
  const std::uint32_t most = std::min(demand.batch_max_on(device->kind), slot.batch_cap.limit());
  return jobs::largest_batch(demanded_row(ledger, demand, *device), available, most);
}

}  // namespace framemill::scheduler
