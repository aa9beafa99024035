// Where batches of records wait for the forecaster: left by the store's thread, which has no more use for them, and
// taken whole. What nobody takes is folded into the latest record of each key, so that it stays bounded by what is live
// on the farm. Any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

class RecordInbox {
 public:
  static constexpr std::size_t kRecordsBeforeFolding = 65'536;
  static constexpr std::size_t kCommitsKept = 4'096;  // of those that are folded, the newest

  void put(std::vector<Persist> turns);
  std::vector<Persist> take();  // in the order of the turns

 private:
  void fold();  // the mutex is held

  std::mutex mutex_;
  std::vector<Persist> turns_;
  std::size_t records_ = 0, fold_at_ = kRecordsBeforeFolding;
};

}  // namespace framemill::scheduler
