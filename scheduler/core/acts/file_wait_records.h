// How long tasks have waited for files of roots, on record: a restart goes on counting where the record is, instead of
// giving every missing file its whole `missing_after` again.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The clock is kept when it has moved by a quarter of the phase's `missing_after`, but no more often than once a second
// and no less often than this; a restart loses no more of it.
inline constexpr base::Duration kFileClockKeptEvery = base::seconds(30);

// To be called when the phase's waits or their clock may have changed.
void keep_file_waits(FarmState& farm, const JobEntry& job, PhaseEntry& phase);
// After a restart, before waits are derived.
void recall_file_waits(const FarmState& farm, PhaseEntry& phase, FileWaits kept);

}  // namespace framemill::scheduler
