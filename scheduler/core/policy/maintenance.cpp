#include "scheduler/core/policy/maintenance.h"

#include <algorithm>
#include <cmath>

namespace framemill::scheduler {
namespace {

// Until a place in the slot is free, as far as was measured.
double seconds_until_free(const FarmState& farm, const SlotEntry& slot, std::uint32_t parallel) {
  if (slot.load < parallel) return 0;
  double seconds = 0;
  for (const AttemptId id : slot.leases) {
    const Lease& lease = farm.leases.get(id);
    const PhaseEntry& phase = farm.jobs.get(lease.record.phase);
    seconds += farm.pace.seconds(phase.pace, lease.record.device_class).value_or(0) * lease.left;
  }
  return seconds / parallel;
}

}  // namespace

std::uint32_t tasks_before_drain(const FarmState& farm, const PhaseEntry& phase, const WorkerEntry& worker,
                                 const SlotEntry& slot, std::uint32_t parallel) {
  if (worker.record.drain_at.unix_ms == 0) return UINT32_MAX;
  const DeviceState* device = worker.device_of(slot);
  const auto per_task = farm.pace.seconds(phase.pace, device == nullptr ? std::string() : device->device_class);
  if (!per_task || *per_task <= 0) return worker.record.drain_at > farm.turn.now.wall ? 1 : 0;
  const double left = static_cast<double>(worker.record.drain_at.unix_ms - farm.turn.now.wall.unix_ms) / 1000 -
                      seconds_until_free(farm, slot, std::max(parallel, 1u));
  return static_cast<std::uint32_t>(std::clamp(std::floor(left / *per_task), 0.0, 1e9));
}

}  // namespace framemill::scheduler
