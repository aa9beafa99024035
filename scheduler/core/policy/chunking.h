// How many tasks one lease takes: weighted factoring. About twenty chunks per slot, smaller towards the end, none so
// short that leasing costs more than the work, none so long that an urgent job waits for it. Changes no pixel.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The tasks of the common grouping that the next lease of this phase would take, for a slot of that device class among
// `slots` that could; never empty while the queue says that the phase has such tasks.
TaskRange next_chunk(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, std::uint32_t slots,
                     const std::string& device_class);

}  // namespace framemill::scheduler
