// What people ask of a job store about the past, as a port: pages of what jobs have left behind, as far as it is on
// disk. store::Store is the real one.
//
// Every call only queues, from any thread; the callback comes later, on the store's thread, which commits nothing
// meanwhile: it must be short.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/store_types.h"

namespace framemill::scheduler::store {

class History {
 public:
  virtual ~History() = default;

  // Commits of a job in order of phase and task; a page holds at most `limit` (1..4,096), fewer only at the end.
  [[nodiscard]] virtual base::Status commits_of(JobId job, CommitCursor from, std::uint32_t limit, Reads reads,
                                                Callback<std::vector<CommittedTask>> done) = 0;
  // Attempts of a job in order of grant, or against it; pages as above, with output tails at most 64 a page.
  [[nodiscard]] virtual base::Status attempts_of(JobId job, AttemptCursor from, std::uint32_t limit, OutputTails tails,
                                                 Callback<std::vector<AttemptRecord>> done) = 0;
  // The first `limit` (1..64) files that each of the attempts (at most 64) wrote, and those that it read.
  [[nodiscard]] virtual base::Status files_of_attempts(std::vector<AttemptRecord> attempts, std::uint32_t limit,
                                                       Callback<std::vector<AttemptFiles>> done) = 0;
};

}  // namespace framemill::scheduler::store
