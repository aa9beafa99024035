// What a worker may still take before it drains at a known time: only what is over by then, by the measured pace of the
// work. What was never measured is tried, a task at a time. Reads only.
#pragma once

#include <cstdint>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// How many of the phase's tasks, one after the other, are over in time; UINT32_MAX: no drain is planned.
// `parallel`: tasks that the slot runs at once; where it holds as many already, new work begins after them.
std::uint32_t tasks_before_drain(const FarmState& farm, const PhaseEntry& phase, const WorkerEntry& worker,
                                 const SlotEntry& slot, std::uint32_t parallel);

}  // namespace framemill::scheduler
