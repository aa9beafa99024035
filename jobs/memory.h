// Predicting device memory: one function that the scheduler books with and the executor admits with, so that they
// agree. Pure values; gpu/ measures the peaks that correct it. Source: DESIGN "Memory": booking = resident weights +
// the peak of the largest batch allowed, with the largest residual seen as the margin.
#pragma once

#include <cstdint>
#include <string>

#include "jobs/package_facts.h"

namespace framemill::jobs {

// One corrected row of the ledger: (package digest, component, device class) -> what was measured.
struct MemoryRow {
  std::uint64_t resident_bytes = 0;
  std::uint64_t per_window_bytes = 0;
  std::uint64_t residual_bytes_max = 0;  // the largest amount by which a measured peak exceeded its prediction
  std::uint32_t samples = 0;
};

MemoryRow row_from_prior(const MemoryPrior& prior);

// Bytes a batch of n windows needs beside the resident weights, margin included.
std::uint64_t batch_bytes(const MemoryRow& row, std::uint32_t windows);
// Bytes of the whole booking: resident + batch of n.
std::uint64_t booking_bytes(const MemoryRow& row, std::uint32_t windows);
// The largest batch (0..windows_max) whose booking fits into `available_bytes`.
std::uint32_t largest_batch(const MemoryRow& row, std::uint64_t available_bytes, std::uint32_t windows_max);
// The row after a measured peak of a batch (bytes of the whole booking, resident weights included; 0 windows: loading
// alone). booking_bytes of the new row is never below what was seen, and never falls.
MemoryRow corrected(const MemoryRow& row, std::uint32_t windows, std::uint64_t peak_bytes_measured);

}  // namespace framemill::jobs
