#include "jobs/batch_cap.h"

#include <algorithm>
#include <utility>

namespace framemill::jobs {
namespace {

constexpr std::uint32_t kNoLimitFrom = 4096;  // no batch is so large

}  // namespace

void BatchCap::ran_out(std::uint32_t windows) {
  if (std::exchange(raised_, false)) wanted_ = std::min(wanted_ * 2, wanted_most_);
  limit_ = std::max(std::min(limit_, std::max(windows, 2u)) / 2, 1u);
  good_ = 0;
}

void BatchCap::went_well(std::uint32_t windows) {
  if (limit_ == UINT32_MAX || windows < limit_ || ++good_ < wanted_) return;
  good_ = 0;
  raised_ = true;
  limit_ = limit_ >= kNoLimitFrom / 2 ? UINT32_MAX : limit_ * 2;
}

}  // namespace framemill::jobs
