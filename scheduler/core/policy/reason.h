// Why a task is not running, as a closed list: what explain answers, one word for each kind of remedy.
#pragma once

#include <cstdint>
#include <string_view>

namespace framemill::scheduler {

enum class Reason : std::uint8_t {
  Paused,
  StartAfter,
  AfterJob,
  Dependency,
  InputMissing,
  NoWorker,
  PackageMissing,
  PackageDiffers,
  NeedsExceedEverySlot,
  SlotsBusy,
  MemoryBooked,
  BackOff,
  Quarantined,
  WorkerDraining,
  MaintenanceWindow,
  StorageUnreachable,
  CapReached,
  Limit,
  Share,
  ShareCap
};
std::string_view name(Reason reason);  // "slots_busy"

}  // namespace framemill::scheduler
