// Whose work is given out next, in two levels: the share whose turn it is, then the work that comes first inside the
// share. A share is what work is charged to; there is one for now, the whole farm. Inside it: priority, then jobs whose
// deadline is at risk (deadline_risk.h), the one that has to start first before the others, then the oldest job, then its
// shots one after the other, then the longest way to the job's end (chains first): a shot that has begun is finished before
// the next, which gets the slots that the first leaves.
//
// A rank is given when a place enters the queue or changes, and kept there. One that depends on time must therefore be
// written so that time cancels out (a deadline less what is left to do, not the slack at this moment), or be given
// again when what it depends on has changed.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

inline constexpr ShareId kWholeFarm{1};

class QueueOrder {
 public:
  Standing standing_of(const JobEntry& job, const PhaseEntry& phase) const;

  struct Candidate {  // the first in its share's line, of some request class
    ShareId share;
    const ReadyQueue::Ranked* first = nullptr;
  };
  // Shares by number: they have nothing yet by which one could be ahead of another.
  bool goes_before(const Candidate& a, const Candidate& b) const;
};

}  // namespace framemill::scheduler
