// Which records of several batches are still the newest of their key: when batches share a transaction, a page or an
// attempt that each of them changed is written once. Pure, any thread.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "scheduler/core/records.h"

namespace framemill::scheduler::store {

struct TroubleErased {
  PhaseId phase;
  TaskIndex task = 0;
};
// One row to write or erase.
using Change = std::variant<const Record*, TroubleErased>;

// The changes that are left, in the order in which the batches made them. Commits, audit rows, versions and tokens are
// never dropped. A batch's erasures count as older than its puts.
std::vector<Change> latest_changes(std::span<const Persist* const> batches);

}  // namespace framemill::scheduler::store
