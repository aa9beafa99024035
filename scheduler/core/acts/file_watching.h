// Looking for files of roots costs no slot: workers that could run the layer are asked to look outside their slots, and
// a task that reads such files becomes ready when they were seen. One that waits for nothing else for `missing_after`,
// counted only while somebody could look, fails and names the file; a sheet is drawn without it instead.
#pragma once

#include <cstddef>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

inline constexpr std::size_t kWatchBytesMax = 256 << 10;  // of one worker's list, about

// Which tasks wait for files alone, in the phases where that may have changed; false: in none.
bool derive_file_waits(FarmState& farm);
// Who looks for what, how long it has been missing, and what fails for it; false: it is not time for that.
bool look_after_files(FarmState& farm);
void on_files_looked_for(FarmState& farm, const WorkerEntry& worker, const FilesLookedFor& looked);
// An attempt did not find what another worker had seen: the task's files must be seen again.
void forget_files(FarmState& farm, PhaseEntry& phase, TaskIndex task);
// After a restart: a task that had become ready was given to workers only when its files were there.
void recall_files(JobEntry& job);

}  // namespace framemill::scheduler
