// Which records of several turns are still the newest of their key: when turns share a transaction, a page or an
// attempt that each of them changed is written once. Pure, any thread.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

struct TroubleErased {
  PhaseId phase;
  TaskIndex task = 0;
};
// A commit whose files were lost before they were published: it is kept aside, another will follow.
struct CommitWithdrawn {
  PhaseId phase;
  TaskIndex task = 0;
};
// One row to write, to erase or to keep aside.
using Change = std::variant<const Record*, TroubleErased, CommitWithdrawn>;

// The changes that are left, in the order in which the turns made them. Commits and audit rows are never dropped. A
// turn's erasures count as older than its puts.
std::vector<Change> latest_changes(std::span<const Persist* const> turns);

}  // namespace framemill::scheduler::store
