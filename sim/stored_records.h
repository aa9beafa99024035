// What a job store would hold, in memory: the last record of each key, and every commit. It answers a restart as the store
// does (scheduler/store/store.h, LoadedState). The simulated journal keeps two of them, written and durable; the stage of
// tests/scheduler_core one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/record_set.h"

namespace framemill::sim {

using jobs::JobId;
using jobs::PhaseId;
using jobs::TaskIndex;
using jobs::TaskRange;
using jobs::WorkerId;

// The whole of a record as one line, for comparison and for people.
std::string text_of(const scheduler::Record& record);
// Equal in all that a restart must put back.
bool is_same(const scheduler::Record& a, const scheduler::Record& b);

class StoredRecords {
 public:
  void write(const scheduler::Persist& persist);
  std::vector<scheduler::Record> load() const;
  std::uint64_t commits() const { return commits_.size(); }
  const std::set<std::pair<PhaseId, TaskIndex>>& committed() const { return commits_; }
  // The commit of a task that has not been withdrawn; nullptr: none.
  const scheduler::CommitRecord* commit_of(PhaseId phase, TaskIndex task) const;
  std::string fault() const { return fault_; }  // a task committed twice
  // What is on record of the tasks, as it stands under its names now.
  std::vector<scheduler::CommitRecord> commits_of(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks) const;
  // The last record of each key.
  const scheduler::RecordSet& all() const { return records_; }

 private:
  scheduler::RecordSet records_;
  std::set<std::pair<PhaseId, TaskIndex>> commits_;
  std::string fault_;
};

}  // namespace framemill::sim
