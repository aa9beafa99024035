#include "jobs/memory.h"

#include <algorithm>
#include <cstdint>

namespace framemill::jobs {
namespace {

// A manifest or a message may hold absurd figures: they saturate, and then fit nowhere.
std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

}  // namespace

MemoryRow row_from_prior(const MemoryPrior& prior) {
  MemoryRow row;
  row.resident_bytes = prior.resident_bytes;
  row.per_window_bytes = prior.per_window_bytes;
  return row;
}

std::uint64_t batch_bytes(const MemoryRow& row, std::uint32_t windows) {
  if (windows == 0) return 0;
  return add(multiply(row.per_window_bytes, windows), row.residual_bytes_max);
}

std::uint64_t booking_bytes(const MemoryRow& row, std::uint32_t windows) {
  return add(row.resident_bytes, batch_bytes(row, windows));
}

std::uint32_t largest_batch(const MemoryRow& row, std::uint64_t available_bytes, std::uint32_t windows_max) {
  const std::uint64_t fixed = add(row.resident_bytes, row.residual_bytes_max);
  if (windows_max == 0 || fixed > available_bytes) return 0;
  if (row.per_window_bytes == 0) return windows_max;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>((available_bytes - fixed) / row.per_window_bytes, windows_max));
}

MemoryRow corrected(const MemoryRow& row, std::uint32_t windows, std::uint64_t peak_bytes_measured) {
  const std::uint64_t predicted = add(row.resident_bytes, multiply(row.per_window_bytes, windows));
  MemoryRow better = row;
  if (peak_bytes_measured > predicted)
    better.residual_bytes_max = std::max(row.residual_bytes_max, peak_bytes_measured - predicted);
  if (row.samples != UINT32_MAX) ++better.samples;
  return better;
}

}  // namespace framemill::jobs
