#include "scheduler/core/policy/reason.h"

#include "base/check.h"

namespace framemill::scheduler {

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::Paused:
      return "paused";
    case Reason::StartAfter:
      return "start_after";
    case Reason::AfterJob:
      return "after_job";
    case Reason::Dependency:
      return "dependency";
    case Reason::InputMissing:
      return "input_missing";
    case Reason::NoWorker:
      return "no_worker";
    case Reason::PackageMissing:
      return "package_missing";
    case Reason::PackageDiffers:
      return "package_differs";
    case Reason::NeedsExceedEverySlot:
      return "needs_exceed_every_slot";
    case Reason::SlotsBusy:
      return "slots_busy";
    case Reason::MemoryBooked:
      return "memory_booked";
    case Reason::BackOff:
      return "back_off";
    case Reason::Quarantined:
      return "quarantined";
    case Reason::WorkerDraining:
      return "worker_draining";
    case Reason::MaintenanceWindow:
      return "maintenance_window";
    case Reason::StorageUnreachable:
      return "storage_unreachable";
    case Reason::CapReached:
      return "cap_reached";
    case Reason::Limit:
      return "limit";
    case Reason::Share:
      return "share";
    case Reason::ShareCap:
      return "share_cap";
  }
  FM_CHECK(false, "a reason outside its closed list");
  return "";
}

}  // namespace framemill::scheduler
