// Describes a job that another one waits for: its state, and what to do when it will not finish by itself.
#pragma once

#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

struct AwaitedText {
  std::string because;  // "waits for job 12 (boards), which failed"
  std::string remedy;   // what to type
  bool comes = true;    // by itself; else a person has to do something
};
AwaitedText awaited_text(const FarmState& farm, const JobEntry& waiter, const AwaitedJob& awaited);
// Of all that it awaits: the first that does not come by itself, else the first. The job awaits something.
AwaitedText awaited_text(const FarmState& farm, const JobEntry& waiter);

}  // namespace framemill::scheduler
