// The measuring side of memory booking: keeps one ledger row (jobs/memory.h) for a loaded model and corrects it with
// the peaks that are seen. The row lives as long as the loaded model: nothing keeps it. Owned by the generator, used on
// its thread.
#pragma once

#include <cstdint>

#include "jobs/memory.h"

namespace framemill::gpu {

class MemoryLedger {
 public:
  explicit MemoryLedger(const jobs::MemoryPrior& prior) : row_(jobs::row_from_prior(prior)) {}
  explicit MemoryLedger(const jobs::MemoryRow& row) : row_(row) {}

  void on_loaded(std::uint64_t resident_bytes) { row_ = jobs::corrected(row_, 0, resident_bytes); }
  // `peak_bytes` is of the whole booking, resident weights included.
  void on_batch(std::uint32_t windows, std::uint64_t peak_bytes) { row_ = jobs::corrected(row_, windows, peak_bytes); }

  std::uint64_t batch_bytes(std::uint32_t windows) const { return jobs::batch_bytes(row_, windows); }
  std::uint32_t largest_batch(std::uint64_t available_bytes, std::uint32_t windows_max) const {
    return jobs::largest_batch(row_, available_bytes, windows_max);
  }
  const jobs::MemoryRow& row() const { return row_; }

 private:
  jobs::MemoryRow row_;
};

}  // namespace framemill::gpu
