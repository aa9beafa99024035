// The inventory of NVIDIA devices through NVML, opened at run time: the build needs no driver, and a machine without
// one simply has no devices. Called once at the worker's start and by `doctor`; any thread, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace framemill::gpu::nvml {

struct GpuDevice {
  std::string uuid;  // "GPU-...": what CUDA_VISIBLE_DEVICES takes; stays with the board
  std::string name;  // "NVIDIA H100 80GB HBM3"
  std::uint64_t memory_bytes_total = 0;
  std::uint64_t memory_bytes_free = 0;  // at the time of asking
  std::vector<int> near_cpus;           // CPUs of its NUMA node; empty: unknown
};

// All devices in NVML's order, at most 64. No library or no driver is an empty list; a driver that answers with an
// error is nvml.failed.
base::Result<std::vector<GpuDevice>> find_devices(const std::string& library = "libnvidia-ml.so.1");

}  // namespace framemill::gpu::nvml
