// Whose work is given out next, in two levels: the share whose turn it is (state/share_tree.h), then the work that comes
// first inside the share: priority, then jobs whose deadline is at risk (deadline_risk.h), the one that has to start first
// before the others, then the oldest job, then its shots one after the other, then the longest way to the job's end
// (chains first): a shot that has begun is finished before the next, which gets the slots that the first leaves. Nothing
// of that counts between shares.
//
// A rank is given when a place enters the queue or changes, and kept there. One that depends on time must therefore be
// written so that time cancels out (a deadline less what is left to do, not the slack at this moment), or be given
// again when what it depends on has changed.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

Standing standing_of(const JobEntry& job, const PhaseEntry& phase);

}  // namespace framemill::scheduler
