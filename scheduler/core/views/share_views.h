// The tree of shares as people see it, and what of it keeps a job waiting.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

std::vector<ShareView> share_views(const FarmState& farm);  // a node before those below it, siblings by name
// Another share's work goes before ready work of this job, and why; nothing where its share is next.
std::optional<SlotReason> share_reason(const FarmState& farm, const JobEntry& job);

}  // namespace framemill::scheduler
