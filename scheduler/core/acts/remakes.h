// Making again what is published: a file was deleted or damaged under its final name. A remake is a job of its own that
// shares spec, plan, version and packages with the first job, so that the first one, its state and its commits stay as
// they are whatever comes of it. It takes all tasks as published but those that were requested, and the intermediate
// ones that these need. What comes out equal to the record takes its final name again; anything else does so only where
// the person asked to replace, and then both digests stay on record.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/state/record_set.h"

namespace framemill::scheduler {

inline constexpr const char* kRemakeDiffers = "remake.differs";

// Errors: the same, farm.too_many_jobs, user.too_many_jobs, remake.no_record.
base::Result<Changed> start_remake(FarmState& farm, JobEntry& first, const JobChangeRequested& asked);

// Notes what came out of a remake's task. False: it is not what is on record, and nobody asked to replace that.
bool may_take_place(FarmState& farm, JobEntry& remake, const PhaseEntry& phase, TaskIndex task,
                    const std::vector<FileRecord>& files);
void settle_remade(FarmState& farm, const PhaseEntry& phase, TaskRange published);
void settle_refused(FarmState& farm, const PhaseEntry& phase, TaskIndex task);  // with PublishError::Intact

void recall_remakes(FarmState& farm, RecordSet::Map<RemakeRecord> records);

}  // namespace framemill::scheduler
