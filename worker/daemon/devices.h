// From the configuration and what is found on this host to devices and slots: UUIDs, memory budgets, the CPUs of each
// slot, the cap on its host memory. Called once at the start.
//
// Errors: config.device, nvml.failed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/nvml/nvml.h"
#include "worker/daemon/config.h"

namespace framemill::worker {

struct Device {
  std::string id;           // UUID of a GPU, the name of a CPU device
  std::string kind;         // "cpu" or "cuda"
  std::string description;  // "NVIDIA H100 80GB HBM3", "Intel(R) Xeon(R) ..."
  std::uint64_t memory_bytes_total = 0;
  std::uint64_t memory_bytes_budget = 0;
  std::vector<int> cpus;
};
struct SlotPlan {
  std::string name;
  std::uint32_t device = 0;
  std::uint32_t threads = 1;
  std::vector<int> cpus;                  // affinity; empty: not pinned
  std::uint64_t device_bytes_budget = 0;  // its share of the device's
  std::uint64_t host_bytes_max = 0;       // cap of its processes
};
struct HostPlan {
  std::vector<Device> devices;
  std::vector<SlotPlan> slots;
};

struct HostFacts {
  std::vector<int> cpus;  // that this process may use
  std::uint64_t memory_bytes = 0;
  std::string cpu_name;
  std::vector<gpu::nvml::GpuDevice> gpus;
};
base::Result<HostFacts> look_at_host();

// Pure. Without [[device]]: every GPU, or else one CPU device. Without [[slot]]: one on each device.
base::Result<HostPlan> plan_host(const WorkerConfig& config, const HostFacts& facts);

}  // namespace framemill::worker
