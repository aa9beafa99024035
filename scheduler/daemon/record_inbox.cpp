#include "scheduler/daemon/record_inbox.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <variant>

#include "scheduler/core/state/record_set.h"

namespace framemill::scheduler {
namespace {

// Durations are learned from commits; their files are freed here, where they always were.
void leave_out_files(Persist& turn) {
  for (Record& record : turn.puts) {
    auto* commit = std::get_if<CommitRecord>(&record);
    if (commit == nullptr) continue;
    commit->files = {};
    commit->reads = {};
  }
}

}  // namespace

void RecordInbox::put(std::vector<Persist> turns) {
  std::size_t records = 0;
  for (Persist& turn : turns) {
    leave_out_files(turn);
    records += turn.puts.size();
  }
  const std::lock_guard lock(mutex_);
  std::move(turns.begin(), turns.end(), std::back_inserter(turns_));
  records_ += records;
  if (records_ > fold_at_) fold();
}

std::vector<Persist> RecordInbox::take() {
  const std::lock_guard lock(mutex_);
  records_ = 0;
  fold_at_ = kRecordsBeforeFolding;
  return std::exchange(turns_, {});
}

void RecordInbox::fold() {
  RecordSet latest;
  std::deque<CommitRecord> commits;
  Persist folded;
  for (Persist& turn : turns_) {
    for (const auto& erased : turn.troubles_erased) {
      latest.of<TaskTroubleRecord>().erase(erased);
      folded.troubles_erased.push_back(erased);
    }
    for (Record& record : turn.puts) {
      if (auto* commit = std::get_if<CommitRecord>(&record)) {
        if (commits.size() >= kCommitsKept) commits.pop_front();
        commits.push_back(std::move(*commit));
      } else if (!std::holds_alternative<AuditRecord>(record)) {
        latest.put(std::move(record));
      }
    }
  }
  std::sort(folded.troubles_erased.begin(), folded.troubles_erased.end());
  folded.troubles_erased.erase(std::unique(folded.troubles_erased.begin(), folded.troubles_erased.end()),
                               folded.troubles_erased.end());
  latest.each([&](const auto& record) { folded.puts.emplace_back(record); });
  for (CommitRecord& commit : commits) folded.puts.emplace_back(std::move(commit));
  turns_.clear();
  records_ = folded.puts.size();
  fold_at_ = std::max(kRecordsBeforeFolding, 2 * records_);
  turns_.push_back(std::move(folded));
}

}  // namespace framemill::scheduler
