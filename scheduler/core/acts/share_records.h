// Which share a job's work is charged to, and what of the shares is on record.
#pragma once

#include "base/result.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/state/record_set.h"

namespace framemill::scheduler {

// A job that is new, or put back: its show and the person who submitted it name its share.
void join_share(FarmState& farm, JobEntry& job);
// What shares have used since it was last written: once a second, so that it costs one row a second for each share at
// work and none for each task. A restart forgets at most that second.
void write_share_usage(FarmState& farm);
// Weights, guarantees and caps that a person sets at run time. Errors: share.unknown, spec.out_of_range.
base::Result<Changed> change_share(FarmState& farm, const ShareChangeRequested& asked);
void recall_shares(FarmState& farm, const RecordSet& records);

}  // namespace framemill::scheduler
