// How the past is asked for page by page, and what a page holds beside records. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

template <class T>
using Callback = std::function<void(base::Result<T>)>;

// After which commit or attempt the next page starts; the default starts at the beginning.
struct CommitCursor {
  jobs::PhaseIndex phase = 0;
  TaskIndex task = 0;  // the first task wanted
};
enum class Order { OldestFirst, NewestFirst };
struct AttemptCursor {
  std::uint32_t epoch = 0;
  std::uint64_t counter = 0;  // the first wanted
  Order order = Order::OldestFirst;
  static AttemptCursor newest() { return {UINT32_MAX, INT64_MAX, Order::NewestFirst}; }
};
// One start of the scheduler on this history: the durable sequence that it began with.
struct EpochStart {
  jobs::Epoch epoch;
  std::uint64_t durable_sequence = 0;
};
// Every start of a store's history, the present one last, and when its last loss was accepted (new-era; Unix ms, 0: never).
struct EpochHistory {
  std::vector<EpochStart> starts;
  std::uint64_t era = 0;
  bool is_incomplete =
      false;  // it was restored from a copy, or a loss was accepted: what was acknowledged may be missing
};
enum class OutputTails { Leave, Include };
enum class Reads { Leave, Include };

struct CommittedTask {
  CommitRecord commit;
  jobs::TaskState state = jobs::TaskState::Committed;  // Published: its files have their names
};

// Of the tasks that an attempt committed, in order of task; the first ones only.
struct AttemptFiles {
  std::vector<ReadRecord> written, read;
};

}  // namespace framemill::scheduler::store
