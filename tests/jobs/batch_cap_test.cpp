#include "jobs/batch_cap.h"

#include <catch2/catch.hpp>

namespace framemill::jobs {
namespace {

void well(BatchCap& cap, int times, std::uint32_t windows) {
  for (int i = 0; i < times; ++i) cap.went_well(windows);
}

TEST_CASE("a cap of batches is half of what did not fit, and never below one") {
  BatchCap cap(4, 32);
  CHECK(cap.limit() == UINT32_MAX);
  cap.ran_out(8);
  CHECK(cap.limit() == 4);
  cap.ran_out(8);  // said late: it was made before
  CHECK(cap.limit() == 2);
  cap.ran_out(1);
  cap.ran_out(1);
  CHECK(cap.limit() == 1);
  BatchCap unknown(4, 32);
  unknown.ran_out(0);
  CHECK(unknown.limit() == 1);
}

TEST_CASE("a cap of batches doubles once batches at it have gone well, and not by smaller ones") {
  BatchCap cap(4, 32);
  cap.ran_out(8);
  well(cap, 100, 3);
  CHECK(cap.limit() == 4);
  well(cap, 3, 4);
  CHECK(cap.limit() == 4);
  well(cap, 1, 4);
  CHECK(cap.limit() == 8);
  for (int doubled = 0; doubled < 12; ++doubled) well(cap, 4, UINT32_MAX);
  CHECK(cap.limit() == UINT32_MAX);
}

TEST_CASE("each raised cap that runs out again takes twice as many good batches the next time, up to a bound") {
  BatchCap cap(2, 16);
  cap.ran_out(4);
  for (const int wanted : {2, 4, 8, 16, 16}) {
    well(cap, wanted - 1, 2);
    CHECK(cap.limit() == 2);
    well(cap, 1, 2);
    CHECK(cap.limit() == 4);
    cap.ran_out(4);
    CHECK(cap.limit() == 2);
  }
}

}  // namespace
}  // namespace framemill::jobs
