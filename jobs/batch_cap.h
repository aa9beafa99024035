// How many windows one batch may hold after memory ran out: half of what did not fit, and more again once batches at the
// cap have gone well often enough. Each time a raised cap runs out again it takes twice as many. Evidence alone counts,
// no clock: a neighbour that held memory for an hour is forgotten, a device that is too small is tried less and less.
// Pure.
#pragma once

#include <cstdint>

namespace framemill::jobs {

class BatchCap {
 public:
  // Batches at the cap that must go well before it is doubled: at first, and at most.
  constexpr BatchCap(std::uint32_t wanted_first, std::uint32_t wanted_most)
      : wanted_(wanted_first), wanted_most_(wanted_most) {}

  std::uint32_t limit() const { return limit_; }  // UINT32_MAX: none
  // A batch of so many windows did not fit; 0: nobody knows how many.
  void ran_out(std::uint32_t windows);
  // A batch of so many windows did.
  void went_well(std::uint32_t windows);

 private:
  std::uint32_t limit_ = UINT32_MAX;
  std::uint32_t good_ = 0, wanted_, wanted_most_;
  bool raised_ = false;  // since memory last ran out
};

}  // namespace framemill::jobs
