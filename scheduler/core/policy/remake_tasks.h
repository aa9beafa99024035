// Which published tasks a person means who asks to make files again, and whether that may be done. Reads only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

inline constexpr std::uint32_t kRemadeTasksMax = 4'096;  // of one remake

// The published tasks that the change speaks of, ascending. Errors: job.unknown, job.layer_unknown, remake.of_remake,
// remake.needs_frames, remake.nothing, remake.running, remake.not_published, remake.under_way, remake.name_taken,
// remake.too_many.
base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> tasks_to_remake(const FarmState& farm,
                                                                         const JobChangeRequested& asked);

}  // namespace framemill::scheduler
