// How the work of one layer fares on one worker: what the scheduler concludes from the ends of attempts there. Held in
// memory by the job; standings.h has the rules. Pure values.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"
#include "jobs/ids.h"

namespace framemill::scheduler {

struct HostStanding {
  std::uint32_t committed = 0;  // tasks, ever
  // Tasks that failed there, and nowhere else, since the last commit there; at most kFailedThereMax.
  std::set<std::pair<jobs::PhaseIndex, jobs::TaskIndex>> failed;
  bool has_failed = false;              // a task, since the last commit there
  std::uint32_t returns = 0;            // attempts that came back uncharged since the last commit there
  base::Instant judged_at{INT64_MIN};   // what was granted before adds nothing to returns or pauses
  base::Instant not_before{INT64_MIN};  // back-off, or the pause before a probe
  std::uint32_t probes = 0;             // that came to nothing, in a row
  bool aside = false;                   // it gets no more of the layer but a probe now and then
  bool by_failures = false;             // set aside for failures, not for returns
  base::WallTime aside_since;
  jobs::AttemptId probe;      // while it lives nothing else of the layer is granted there
  std::string code, message;  // of the last attempt that counted against it

  // Nothing is granted freely: one attempt at a time, until one of its tasks is committed.
  bool on_trial() const { return aside || returns >= 3; }
};

struct PublishTrouble {
  std::uint32_t failures = 0;     // in a row
  base::Instant next{INT64_MIN};  // what fails before that moment adds nothing
  base::WallTime since;
  std::string code, message;
};

inline constexpr std::size_t kFailedThereMax = 64;

}  // namespace framemill::scheduler
