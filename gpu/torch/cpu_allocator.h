// LibTorch's CPU memory under a budget: counts every block, remembers the peak, refuses what goes beyond the budget
// with c10::OutOfMemoryError. Process-wide, thread-safe.
#pragma once

#include <cstdint>

namespace framemill::gpu {

struct CpuMemory {
  std::uint64_t current_bytes = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t budget_bytes = 0;  // 0 = none
};

// Replaces the allocator, once. Blocks made before go back to the one that made them.
void install_cpu_allocator();
CpuMemory cpu_memory();
void reset_cpu_peak();
void set_cpu_budget(std::uint64_t budget_bytes);

}  // namespace framemill::gpu
