// Which files of roots workers look for, outside their slots: the lists as last sent, and the phases whose tasks wait for
// files alone. Derived state; acts/file_watching.h has the acts.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "scheduler/core/state/effects.h"

namespace framemill::scheduler {

struct FileWatches {
  std::set<PhaseId> waiting;  // phases with tasks that wait for files alone
  std::set<PhaseId> stale;    // their waits are derived again at the end of the turn
  struct List {
    std::vector<WatchedFiles> files;
    base::Instant sent{INT64_MIN};
  };
  std::map<WorkerId, List> lists;  // as last sent
  base::Instant next_look = base::kNever;
  bool wanted = false;  // look at the end of this turn, whatever the time
};

}  // namespace framemill::scheduler
