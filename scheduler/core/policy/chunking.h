// How many tasks one lease takes: weighted factoring (docs/decisions/0020-chunks-and-tails.md). About twenty chunks per
// slot, smaller towards the end, none so short that leasing costs more than the work, none so long that an urgent job
// waits for it. A slow device or worker, and one that must load the model first, takes less. Changes no pixel.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The tasks of the common grouping that the next lease of this phase would take in the worker's slot, one of `slots`
// that could take them; never empty while the queue says that the phase has such tasks.
TaskRange next_chunk(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, std::uint32_t slots,
                     const WorkerEntry& worker, std::uint32_t slot);

}  // namespace framemill::scheduler
