#include "scheduler/core/policy/slot_fit.h"

#include <algorithm>

#include "base/check.h"

namespace framemill::scheduler {
namespace {

Misfit worker_misfit(const WorkerEntry& worker) {
  if (worker.record.revoked) return Misfit::Revoked;
  if (worker.silent) return Misfit::Silent;
  if (!worker.known) return Misfit::NotKnown;
  if (worker.missed_grant) return Misfit::GrantMissed;
  if (worker.draining || worker.record.drain_requested) return Misfit::Draining;
  if (worker.record.quarantined && !worker.probe_open) return Misfit::WorkerQuarantined;
  return Misfit::None;
}

Misfit package_misfit(const Demand& demand, const WorkerEntry& worker) {
  if (demand.model.empty()) return Misfit::None;
  Misfit misfit = Misfit::PackageMissing;
  for (const PackageHeld& held : worker.inventory.packages) {
    if (held.id != demand.model) continue;
    if (held.root_digest == demand.model_digest) return Misfit::None;
    misfit = Misfit::PackageDiffers;
  }
  return misfit;
}

Misfit device_misfit(const MemoryLedger& ledger, const Demand& demand, const DeviceState& device) {
  if (demand.device == jobs::DeviceWish::Cpu && device.kind != DeviceKind::Cpu) return Misfit::DeviceKind;
  if (demand.device == jobs::DeviceWish::Cuda && device.kind != DeviceKind::Cuda) return Misfit::DeviceKind;
  if (!demand.device_class.empty() && device.device_class != demand.device_class) return Misfit::DeviceClass;
  if (demand.cpus > device.cpus) return Misfit::Cpus;
  // Only a CPU device says how much host memory it has.
  if (device.kind == DeviceKind::Cpu && demand.host_memory_bytes > device.memory_bytes_budget)
    return Misfit::HostMemory;
  if (batch_when_empty(ledger, device, demand) == 0) return Misfit::Memory;
  return Misfit::None;
}

bool is_warm(const Demand& demand, const SlotEntry& slot) {
  const auto& loaded = slot.state.loaded_models;
  if (std::find(loaded.begin(), loaded.end(), demand.model_digest) != loaded.end()) return true;
  return std::any_of(slot.models.begin(), slot.models.end(),
                     [&](const ModelUse& use) { return use.digest == demand.model_digest; });
}

}  // namespace

bool serves_roots(const WorkerEntry& worker, const Demand& demand) {
  return std::all_of(demand.roots.begin(), demand.roots.end(), [&](const std::string& root) {
    return root == demand.written_root ? worker.sees_root(root) : worker.reads_root(root);
  });
}

Misfit standing_misfit(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker,
                       const SlotEntry& slot) {
  if (const Misfit misfit = worker_misfit(worker); misfit != Misfit::None) return misfit;
  if (const Misfit misfit = package_misfit(demand, worker); misfit != Misfit::None) return misfit;
  const DeviceState* device = worker.device_of(slot);
  if (device == nullptr || slot.gone) return Misfit::SlotUnusable;
  if (const Misfit misfit = device_misfit(ledger, demand, *device); misfit != Misfit::None) return misfit;
  if (demand.runner == Runner::Program) {
    const auto& commands = worker.inventory.commands;
    if (std::find(commands.begin(), commands.end(), demand.program) == commands.end()) return Misfit::Program;
  }
  if (demand.runner == Runner::Media && !worker.inventory.media) return Misfit::Media;
  if (!serves_roots(worker, demand)) return Misfit::Root;
  // A command needs no executor; the slot's own may be unable to start.
  if (demand.runner == Runner::Executor && !slot.state.usable) return Misfit::SlotUnusable;
  return Misfit::None;
}

bool is_permanent(Misfit misfit) {
  switch (misfit) {
    case Misfit::Revoked:
    case Misfit::PackageMissing:
    case Misfit::PackageDiffers:
    case Misfit::DeviceKind:
    case Misfit::DeviceClass:
    case Misfit::Memory:
    case Misfit::HostMemory:
    case Misfit::Cpus:
    case Misfit::Program:
    case Misfit::Media:
      return true;
    default:
      return false;
  }
}

SlotFit fit_now(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                std::uint32_t leases_per_slot_max) {
  SlotFit fit;
  fit.load = slot.load;
  const auto misfit = [&fit](Misfit why) {
    fit.misfit = why;
    return fit;
  };
  if (slot.exclusive > 0) return misfit(Misfit::ExclusiveHeld);
  if (demand.exclusive && !slot.leases.empty()) return misfit(Misfit::Occupied);
  if (slot.leases.size() >= leases_per_slot_max) return misfit(Misfit::LeaseCap);
  if (slot.load > demand.batch_max) return misfit(Misfit::BatchFull);
  fit.capacity = admitted_batch(ledger, worker, slot, demand);
  if (fit.capacity == 0) return misfit(Misfit::MemoryBooked);
  if (slot.load > fit.capacity) return misfit(Misfit::BatchFull);
  fit.warm = demand.runner == Runner::Executor && is_warm(demand, slot);
  return fit;
}

SlotFit fit_of(const MemoryLedger& ledger, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
               std::uint32_t leases_per_slot_max) {
  const Misfit standing = standing_misfit(ledger, demand, worker, slot);
  if (standing == Misfit::None) return fit_now(ledger, demand, worker, slot, leases_per_slot_max);
  SlotFit fit;
  fit.misfit = standing;
  return fit;
}

Reason reason_of(Misfit misfit) {
  switch (misfit) {
    case Misfit::None:
    case Misfit::ExclusiveHeld:
    case Misfit::Occupied:
    case Misfit::BatchFull:
    case Misfit::KeptFree:
      return Reason::SlotsBusy;
    case Misfit::Silent:
    case Misfit::NotKnown:
    case Misfit::Revoked:
    case Misfit::SlotUnusable:
      return Reason::NoWorker;
    case Misfit::WorkerQuarantined:
      return Reason::Quarantined;
    case Misfit::Draining:
      return Reason::WorkerDraining;
    case Misfit::PackageMissing:
      return Reason::PackageMissing;
    case Misfit::PackageDiffers:
      return Reason::PackageDiffers;
    case Misfit::DeviceKind:
    case Misfit::DeviceClass:
    case Misfit::Memory:
    case Misfit::HostMemory:
    case Misfit::Cpus:
    case Misfit::Program:
    case Misfit::Media:
      return Reason::NeedsExceedEverySlot;
    case Misfit::Root:
      return Reason::StorageUnreachable;
    case Misfit::LeaseCap:
    case Misfit::PublishCap:
      return Reason::CapReached;
    case Misfit::MemoryBooked:
      return Reason::MemoryBooked;
    case Misfit::GrantMissed:
    case Misfit::BackingOff:
    case Misfit::TriedElsewhere:
      return Reason::BackOff;
    case Misfit::InputUnseen:
      return Reason::InputMissing;
    case Misfit::SetAside:
      return Reason::Quarantined;
  }
  FM_CHECK(false, "a misfit outside its closed list");
  return Reason::NoWorker;
}

}  // namespace framemill::scheduler
