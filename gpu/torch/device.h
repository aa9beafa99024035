// The device below LibTorch: opens it once per process, fixes threads and flags, and keeps the memory budget. On CPU a
// tracking, capping allocator replaces LibTorch's, so that budgets and out-of-memory handling are the same there as on
// a GPU and can be tested without one. On CUDA libtorch_cuda.so is loaded at run time, and the caching allocator's own
// figures are read.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "gpu/generator.h"

namespace framemill::gpu {

// Sets up the process for `spec`. The first call fixes the threads; a later one with another number is refused. Errors:
// gpu.no_device, gpu.threads.
base::Result<at::Device> open_device(const DeviceSpec& spec);

std::string describe_device(const DeviceSpec& spec);  // the device class

// Bytes allocated now, the peak since the last reset, the budget.
MemoryFigures device_memory(const at::Device& device);
void reset_device_peak(const at::Device& device);
void set_memory_budget(const at::Device& device, std::uint64_t budget_bytes);

}  // namespace framemill::gpu
