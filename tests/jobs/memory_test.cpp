#include "jobs/memory.h"

#include <rapidcheck.h>
#include <catch2/catch.hpp>

namespace framemill::jobs {
namespace {

constexpr MemoryRow kRow{1'000, 100, 0, 0};

TEST_CASE("a row from a package's prior books resident weights and one share per window") {
  const MemoryRow row = row_from_prior({1'000, 100, 77});
  CHECK(booking_bytes(row, 0) == 1'000);
  CHECK(booking_bytes(row, 1) == 1'100);
  CHECK(booking_bytes(row, 8) == 1'800);
  CHECK(batch_bytes(row, 8) == 800);
}

TEST_CASE("the largest batch is the last one whose booking fits") {
  CHECK(largest_batch(kRow, 999, 8) == 0);
  CHECK(largest_batch(kRow, 1'099, 8) == 0);
  CHECK(largest_batch(kRow, 1'100, 8) == 1);
  CHECK(largest_batch(kRow, 1'799, 8) == 7);
  CHECK(largest_batch(kRow, 1'000'000, 8) == 8);
  CHECK(largest_batch(kRow, 1'000'000, 0) == 0);
  CHECK(largest_batch({10, 0, 0, 0}, 10, 5) == 5);
}

TEST_CASE("a peak above its prediction becomes the margin, a lower one does not shrink it") {
  MemoryRow row = corrected(kRow, 2, 1'250);
  CHECK(row.residual_bytes_max == 50);
  CHECK(booking_bytes(row, 2) == 1'250);
  row = corrected(row, 4, 900);
  CHECK(row.residual_bytes_max == 50);
  CHECK(row.samples == 2);
}

TEST_CASE("absurd figures saturate instead of wrapping round") {
  const MemoryRow row{UINT64_MAX - 5, UINT64_MAX / 2, 7, 0};
  CHECK(booking_bytes(row, 3) == UINT64_MAX);
  CHECK(largest_batch(row, UINT64_MAX - 1, 9) == 0);
}

TEST_CASE("booking and admission agree for any row, and a measured peak is always covered afterwards") {
  CHECK(
      rc::check([](std::uint32_t resident, std::uint32_t per_window, std::uint32_t residual, std::uint32_t available) {
        const auto windows_max = *rc::gen::inRange<std::uint32_t>(0, 64);
        const auto peak = *rc::gen::arbitrary<std::uint32_t>();
        const auto measured = *rc::gen::inRange<std::uint32_t>(1, 64);
        const MemoryRow row{resident, per_window, residual, 0};
        const std::uint32_t n = largest_batch(row, available, windows_max);
        RC_ASSERT(n <= windows_max);
        if (n > 0) RC_ASSERT(booking_bytes(row, n) <= available);
        if (n < windows_max) RC_ASSERT(booking_bytes(row, n + 1) > available);
        const MemoryRow after = corrected(row, measured, peak);
        RC_ASSERT(booking_bytes(after, measured) >= peak);
        RC_ASSERT(booking_bytes(after, measured) >= booking_bytes(row, measured));
      }));
}

}  // namespace
}  // namespace framemill::jobs
