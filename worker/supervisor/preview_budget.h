// What previews may cost a host: a share of its processors' time, saved up for at most a minute so that the frames of a
// window which land together are drawn together. Time is an argument. A plain value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace framemill::worker {

class PreviewBudget {
 public:
  static constexpr base::Duration kSavedMax = base::seconds(60);

  // `share` of `processors`, both more than 0: 0.02 of 16 are 320 ms of processor time each second.
  PreviewBudget(double share, std::size_t processors, base::Instant now)
      : us_per_ms_(share * static_cast<double>(processors) * 1000), at_(now), us_(most()) {}

  void spend(std::uint64_t processor_us, base::Instant now) {
    earn(now);
    us_ -= static_cast<double>(processor_us);
  }
  // Until something may be spent; 0: now.
  base::Duration wait(base::Instant now) {
    earn(now);
    if (us_ > 0) return {};
    return base::milliseconds(static_cast<std::int64_t>(-us_ / us_per_ms_) + 1);
  }

 private:
  double most() const { return us_per_ms_ * static_cast<double>(kSavedMax.ms); }
  void earn(base::Instant now) {
    us_ = std::min(most(), us_ + us_per_ms_ * static_cast<double>((now - at_).ms));
    at_ = now;
  }

  double us_per_ms_;
  base::Instant at_;
  double us_;  // below 0: in debt, as the last drawing cost more than there was
};

}  // namespace framemill::worker
