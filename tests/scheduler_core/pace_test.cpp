// What work takes, as measured: averages by device class, loads, and workers that are plainly slow.
#include "scheduler/core/state/pace.h"

#include <catch2/catch.hpp>

namespace framemill::scheduler {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

TEST_CASE("a worker is slow when its tasks take by half or more longer than is usual on its device class") {
  DurationEstimator pace;
  const PaceId work = pace.intern("denoise");
  for (int i = 0; i < 8; ++i) pace.measured(work, "a", WorkerId(1), 10 * kSecond);
  CHECK(pace.slowness(WorkerId(1)) == 1);
  CHECK(pace.slowness(WorkerId(2)) == 1);
  pace.measured(work, "a", WorkerId(2), 80 * kSecond);
  CHECK(pace.slowness(WorkerId(2)) == 1);  // one task may be a hard one
  pace.measured(work, "a", WorkerId(2), 80 * kSecond);
  CHECK(pace.slowness(WorkerId(2)) > 5);
  CHECK(pace.slowness(WorkerId(1)) == 1);
  for (int i = 0; i < 8; ++i) pace.measured(work, "a", WorkerId(3), 13 * kSecond);
  CHECK(pace.slowness(WorkerId(3)) == 1);  // within what tasks differ by
}

TEST_CASE("a worker that was slow and is no longer is believed after a few tasks") {
  DurationEstimator pace;
  const PaceId work = pace.intern("denoise");
  for (int i = 0; i < 8; ++i) pace.measured(work, "a", WorkerId(1), 10 * kSecond);
  for (int i = 0; i < 4; ++i) pace.measured(work, "a", WorkerId(2), 80 * kSecond);
  for (int i = 0; i < 24; ++i) pace.measured(work, "a", WorkerId(2), 10 * kSecond);
  CHECK(pace.slowness(WorkerId(2)) == 1);
}

TEST_CASE("work that becomes harder makes no worker slow for long") {
  DurationEstimator pace;
  const PaceId work = pace.intern("denoise");
  const auto all = [&](std::uint64_t seconds, int rounds) {
    for (int i = 0; i < rounds; ++i)
      for (std::uint32_t w = 1; w <= 4; ++w) pace.measured(work, "a", WorkerId(w), seconds * kSecond);
  };
  all(10, 8);
  all(60, 24);
  for (std::uint32_t w = 1; w <= 4; ++w) CHECK(pace.slowness(WorkerId(w)) == 1);
}

TEST_CASE("a slower device class is not a slow worker, and loads are averaged") {
  DurationEstimator pace;
  const PaceId work = pace.intern("denoise");
  for (int i = 0; i < 8; ++i) {
    pace.measured(work, "a", WorkerId(1), 10 * kSecond);
    pace.measured(work, "b", WorkerId(2), 40 * kSecond);
  }
  CHECK(pace.slowness(WorkerId(2)) == 1);
  CHECK(pace.load_seconds(work) == 0);
  pace.loaded(work, 50 * kSecond);
  pace.loaded(work, 70 * kSecond);
  CHECK(pace.load_seconds(work) == Approx(60));
}

}  // namespace
}  // namespace framemill::scheduler
