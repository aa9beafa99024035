// What the scheduler needs of a job store, as a port: turns are written in batches and become durable in their order, and
// files that recipes read are looked up. store::Store is the real one; tests and the simulation keep records in memory.
// What people ask about the past is another port (history.h), which the loop has no part in.
//
// Every call but epoch() and load() only queues: the callback comes later, never from within the call, and on the thread
// that the implementation delivers on (the loop's, where the loop uses it). What went wrong for good, a full disk and
// its end are reported to the loop by whoever opened the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/store_types.h"

namespace framemill::scheduler::store {

struct WriteResult {
  // Of this batch: from 1, one more for each batch that changed anything, never reused within a history. An empty batch
  // gets the number of the one before it.
  std::uint64_t durable_sequence = 0;
};

// What a restart puts back, in the order of put(): counters, versions, roots, workers, tokens, jobs, phases, troubles,
// pages, attempts, remakes. Every live job is there, and the newest finished ones; of jobs that are done, no pages.
// Attempts: the live ones, and of live jobs those that committed tasks.
struct LoadedState {
  std::vector<Record> records;
  std::uint64_t durable_sequence = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;
  virtual jobs::Epoch epoch() const = 0;         // of this start; raised durably
  virtual base::Result<LoadedState> load() = 0;  // blocking; before the first write

  // One batch: what several turns of the core changed, in their order (a turn's erasures before its puts). `done` is
  // called when it is durable, in the order of the calls. A full disk keeps the batch.
  [[nodiscard]] virtual base::Status write_turns(std::vector<Persist> turns, std::function<void(WriteResult)> done) = 0;

  // Commits of the tasks in the range, with their files; at most 4,096 tasks.
  [[nodiscard]] virtual base::Status files_of(PhaseId phase, TaskRange tasks,
                                              Callback<std::vector<CommitRecord>> done) = 0;
};

}  // namespace framemill::scheduler::store
