// What an attempt cost, as the executor measured it. A call's time is divided over the windows in its batch, so that
// the sums of all attempts on a device never exceed its wall time. Owned by the step loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "wire/recipe.pb.h"

namespace framemill::worker {

using Clock = std::chrono::steady_clock;
double microseconds_since(Clock::time_point start);

class UsageMeter {
 public:
  static constexpr std::size_t kBatchMatesMax = 16;
  static constexpr std::uint32_t kBatchSizeMax = 64;  // larger ones count as this

  void add_load(double us) { load_us_ += us, ++model_loads_; }
  void add_compute(double us) { compute_us_ += us; }
  void add_write(double us) { write_us_ += us; }
  void add_lost(double us) { lost_us_ += us; }
  // Counted as compute before; what it was for was thrown away.
  void lose_compute(double us) { compute_us_ -= us, lost_us_ += us; }
  void add_steps(std::uint32_t steps) { steps_ += steps; }
  void saw_batch(std::uint32_t windows) {
    batch_max_ = std::max(batch_max_, windows);
    ++batch_sizes_[std::min(windows, kBatchSizeMax)];
  }
  void saw_mate(const std::string& phase) {
    if (mates_.size() < kBatchMatesMax) mates_.insert(phase);
  }
  void saw_peak(std::uint64_t bytes) { peak_bytes_ = std::max(peak_bytes_, bytes); }

  wire::Usage usage(const std::string& device_class) const;

 private:
  Clock::time_point started_ = Clock::now();
  double load_us_ = 0, compute_us_ = 0, write_us_ = 0, lost_us_ = 0;
  std::uint32_t model_loads_ = 0, steps_ = 0, batch_max_ = 0;
  std::uint64_t peak_bytes_ = 0;
  std::set<std::string> mates_;
  std::map<std::uint32_t, std::uint32_t> batch_sizes_;  // windows -> calls
};

}  // namespace framemill::worker
