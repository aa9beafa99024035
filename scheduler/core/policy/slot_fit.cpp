#include "scheduler/core/policy/slot_fit.h"

#include <algorithm>

#include "base/check.h"

namespace framemill::scheduler {
namespace {

PlacementBlocker worker_misfit(const WorkerEntry& worker) {
  if (worker.record.revoked) return PlacementBlocker::Revoked;
  if (worker.silent) return PlacementBlocker::Silent;
  if (!worker.known) return PlacementBlocker::NotKnown;
  if (worker.missed_grant) return PlacementBlocker::GrantMissed;
  if (worker.draining || worker.record.drain_requested) return PlacementBlocker::Draining;
  if (worker.record.quarantined && !worker.probe_open) return PlacementBlocker::WorkerQuarantined;
  return PlacementBlocker::None;
}

PlacementBlocker package_misfit(const Demand& demand, const WorkerEntry& worker) {
  if (demand.model.empty()) return PlacementBlocker::None;
  PlacementBlocker blocker = PlacementBlocker::PackageMissing;
  for (const PackageHeld& held : worker.inventory.packages) {
    if (held.id != demand.model) continue;
    if (held.root_digest == demand.model_digest) return PlacementBlocker::None;
    blocker = PlacementBlocker::PackageDiffers;
  }
  return blocker;
}

PlacementBlocker device_misfit(const MemoryLedger& ledger, const Demand& demand, const DeviceState& device) {
  if (demand.device == jobs::DevicePreference::Cpu && device.kind != DeviceKind::Cpu)
    return PlacementBlocker::DeviceKind;
  if (demand.device == jobs::DevicePreference::Cuda && device.kind != DeviceKind::Cuda)
    return PlacementBlocker::DeviceKind;
  if (!demand.device_class.empty() && device.device_class != demand.device_class) return PlacementBlocker::DeviceClass;
  if (demand.cpus > device.cpus) return PlacementBlocker::Cpus;
  // Only a CPU device says how much host memory it has.
  if (device.kind == DeviceKind::Cpu && demand.host_memory_bytes > device.memory_bytes_budget)
    return PlacementBlocker::HostMemory;
  if (batch_when_empty(ledger, device, demand) == 0) return PlacementBlocker::Memory;
  return PlacementBlocker::None;
}

// `admit`: windows of the class that the slot's memory admits.
template <class Admit>
SlotFit fit_where(const Demand& demand, const SlotEntry& slot, std::uint32_t leases_per_slot_max, Admit admit) {
  SlotFit fit;
  fit.load = slot.load;
  const auto blocker = [&fit](PlacementBlocker why) {
    fit.blocker = why;
    return fit;
  };
  if (slot.exclusive > 0) return blocker(PlacementBlocker::ExclusiveHeld);
  if (demand.exclusive && !slot.leases.empty()) return blocker(PlacementBlocker::Occupied);
  if (slot.leases.size() >= leases_per_slot_max) return blocker(PlacementBlocker::LeaseCap);
  if (slot.load > demand.batch_max) return blocker(PlacementBlocker::BatchFull);
  fit.capacity = admit();
  if (fit.capacity == 0) return blocker(PlacementBlocker::MemoryBooked);
  if (slot.load > fit.capacity) return blocker(PlacementBlocker::BatchFull);
  fit.warm = demand.runner == Runner::Executor && holds(slot, demand.model_digest);
  return fit;
}

}  // namespace

bool holds(const SlotEntry& slot, const base::Sha256& model) {
  const auto& loaded = slot.state.loaded_models;
  return std::find(loaded.begin(), loaded.end(), model) != loaded.end() ||
         std::any_of(slot.models.begin(), slot.models.end(), [&](const ModelUse& use) { return use.digest == model; });
}

bool serves_roots(const WorkerEntry& worker, const Demand& demand) {
  return std::all_of(demand.roots.begin(), demand.roots.end(), [&](const std::string& root) {
    return root == demand.written_root ? worker.sees_root(root) : worker.reads_root(root);
  });
}

PlacementBlocker standing_misfit(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker,
                                 const SlotEntry& slot) {
  if (const PlacementBlocker blocker = worker_misfit(worker); blocker != PlacementBlocker::None) return blocker;
  if (const PlacementBlocker blocker = package_misfit(demand, worker); blocker != PlacementBlocker::None)
    return blocker;
  const DeviceState* device = worker.device_of(slot);
  if (device == nullptr || slot.gone) return PlacementBlocker::SlotUnusable;
  if (const PlacementBlocker blocker = device_misfit(ledger, demand, *device); blocker != PlacementBlocker::None)
    return blocker;
  if (demand.runner == Runner::Program) {
    const auto& commands = worker.inventory.commands;
    if (std::find(commands.begin(), commands.end(), demand.program) == commands.end()) return PlacementBlocker::Program;
  }
  if (demand.runner == Runner::Media && !worker.inventory.media) return PlacementBlocker::Media;
  if (!serves_roots(worker, demand)) return PlacementBlocker::Root;
  // A command needs no executor; the slot's own may be unable to start.
  if (demand.runner == Runner::Executor && !slot.state.usable) return PlacementBlocker::SlotUnusable;
  return PlacementBlocker::None;
}

bool is_permanent(PlacementBlocker blocker) {
  switch (blocker) {
    case PlacementBlocker::Revoked:
    case PlacementBlocker::PackageMissing:
    case PlacementBlocker::PackageDiffers:
    case PlacementBlocker::DeviceKind:
    case PlacementBlocker::DeviceClass:
    case PlacementBlocker::Memory:
    case PlacementBlocker::HostMemory:
    case PlacementBlocker::Cpus:
    case PlacementBlocker::Program:
    case PlacementBlocker::Media:
      return true;
    default:
      return false;
  }
}

SlotFit fit_now(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                std::uint32_t leases_per_slot_max) {
  return fit_where(demand, slot, leases_per_slot_max, [&] { return admitted_batch(ledger, worker, slot, demand); });
}

SlotFit fit_now(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                std::uint32_t leases_per_slot_max, std::uint64_t bytes_booked) {
  return fit_where(demand, slot, leases_per_slot_max,
                   [&] { return admitted_batch(ledger, worker, slot, demand, bytes_booked); });
}

SlotFit fit_of(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
               std::uint32_t leases_per_slot_max) {
  const PlacementBlocker standing = standing_misfit(ledger, demand, worker, slot);
  if (standing == PlacementBlocker::None) return fit_now(ledger, demand, worker, slot, leases_per_slot_max);
  SlotFit fit;
  fit.blocker = standing;
  return fit;
}

Reason reason_of(PlacementBlocker blocker) {
  switch (blocker) {
    case PlacementBlocker::None:
    case PlacementBlocker::ExclusiveHeld:
    case PlacementBlocker::Occupied:
    case PlacementBlocker::BatchFull:
    case PlacementBlocker::KeptFree:
      return Reason::SlotsBusy;
    case PlacementBlocker::Silent:
    case PlacementBlocker::NotKnown:
    case PlacementBlocker::Revoked:
    case PlacementBlocker::SlotUnusable:
      return Reason::NoWorker;
    case PlacementBlocker::WorkerQuarantined:
      return Reason::Quarantined;
    case PlacementBlocker::Draining:
      return Reason::WorkerDraining;
    case PlacementBlocker::PackageMissing:
      return Reason::PackageMissing;
    case PlacementBlocker::PackageDiffers:
      return Reason::PackageDiffers;
    case PlacementBlocker::DeviceKind:
    case PlacementBlocker::DeviceClass:
    case PlacementBlocker::Memory:
    case PlacementBlocker::HostMemory:
    case PlacementBlocker::Cpus:
    case PlacementBlocker::Program:
    case PlacementBlocker::Media:
      return Reason::NeedsExceedEverySlot;
    case PlacementBlocker::Root:
      return Reason::StorageUnreachable;
    case PlacementBlocker::LeaseCap:
    case PlacementBlocker::PublishCap:
      return Reason::CapReached;
    case PlacementBlocker::MemoryBooked:
      return Reason::MemoryBooked;
    case PlacementBlocker::GrantMissed:
    case PlacementBlocker::BackingOff:
    case PlacementBlocker::TriedElsewhere:
      return Reason::BackOff;
    case PlacementBlocker::InputUnseen:
      return Reason::InputMissing;
    case PlacementBlocker::SetAside:
      return Reason::Quarantined;
    case PlacementBlocker::Maintenance:
      return Reason::MaintenanceWindow;
    case PlacementBlocker::Limited:
      return Reason::Limit;
    case PlacementBlocker::ShareCapped:
      return Reason::ShareCap;
  }
  FM_CHECK(false, "a misfit outside its closed list");
  return Reason::NoWorker;
}

}  // namespace framemill::scheduler
