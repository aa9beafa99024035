#include "worker/daemon/devices.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/file.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;

// Code, libraries and buffers of an executor beside what its allocator counts (measured: 150 MB resident with LibTorch
// loaded, and its private writable mappings are larger than what is resident).
constexpr std::uint64_t kExecutorOverheadBytes = 1ull << 30;

// LibTorch with its CUDA libraries, a context and the staging of a model's weights want this much private memory
// however small the host is; a lower default would only make sound executors die.
constexpr std::uint64_t kCudaHostBytesMin = 8ull << 30;

std::string line_value(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return "";
  const std::size_t colon = text.find(':', at);
  const std::size_t end = text.find('\n', at);
  if (colon == std::string::npos || colon >= end) return "";
  std::string value = text.substr(colon + 1, end - colon - 1);
  value.erase(0, value.find_first_not_of(" \t"));
  return value;
}

Result<Device> resolve(const DeviceConfig& config, const HostFacts& facts) {
  Device device;
  device.kind = config.kind;
  device.cpus = config.cpus;
  if (config.kind == "cpu") {
    device.id = config.name;
    device.description = facts.cpu_name;
    device.memory_bytes_total = facts.memory_bytes;
    device.memory_bytes_budget = config.memory_bytes != 0 ? config.memory_bytes : facts.memory_bytes / 2;
    if (device.cpus.empty()) device.cpus = facts.cpus;
  } else {
    const auto gpu =
        std::find_if(facts.gpus.begin(), facts.gpus.end(), [&](const auto& g) { return g.uuid == config.uuid; });
    if (gpu == facts.gpus.end())
      return Error{"config.device", fmt::format("device {}: this host has no GPU {}", config.name, config.uuid),
                   "device", "`nvidia-smi -L` lists the GPUs"};
    device.id = gpu->uuid;
    device.description = gpu->name;
    device.memory_bytes_total = gpu->memory_bytes_total;
    device.memory_bytes_budget = config.memory_bytes != 0 ? config.memory_bytes : gpu->memory_bytes_total / 10 * 9;
    if (device.cpus.empty()) device.cpus = gpu->near_cpus.empty() ? facts.cpus : gpu->near_cpus;
  }
  if (device.memory_bytes_budget > device.memory_bytes_total)
    return Error{"config.device",
                 fmt::format("device {}: a budget of {} MiB, but it has {} MiB", config.name,
                             device.memory_bytes_budget >> 20, device.memory_bytes_total >> 20),
                 "device", ""};
  // Only CPUs that this process may use at all: a container may have fewer than the configuration names.
  std::erase_if(device.cpus,
                [&](int cpu) { return std::find(facts.cpus.begin(), facts.cpus.end(), cpu) == facts.cpus.end(); });
  if (device.cpus.empty())
    return Error{"config.device", fmt::format("device {}: this process may not use any of its CPUs", config.name),
                 "device", ""};
  return device;
}

// The i-th of n equal shares of the device's CPUs; all of them when there are fewer CPUs than slots.
std::vector<int> share(const std::vector<int>& cpus, std::size_t i, std::size_t n) {
  if (cpus.size() < n) return cpus;
  const std::size_t from = cpus.size() * i / n, to = cpus.size() * (i + 1) / n;
  return {cpus.begin() + static_cast<std::ptrdiff_t>(from), cpus.begin() + static_cast<std::ptrdiff_t>(to)};
}

// The cap of CUDA slots that name none: equal shares of three quarters of the host's memory, less what CPU slots may
// take. The rest is the system's and the page cache's, through which weights are read.
void cap_cuda_slots(HostPlan& plan, std::uint64_t memory_bytes) {
  std::uint64_t open = memory_bytes / 4 * 3, slots = 0;
  const auto on_cuda = [&](const SlotPlan& slot) { return plan.devices[slot.device].kind == "cuda"; };
  for (const SlotPlan& slot : plan.slots) {
    if (on_cuda(slot))
      ++slots;
    else
      open -= std::min(open, slot.host_bytes_max);
  }
  for (SlotPlan& slot : plan.slots)
    if (on_cuda(slot) && slot.host_bytes_max == 0)
      slot.host_bytes_max = std::min(memory_bytes, std::max(open / slots, kCudaHostBytesMin));
}

std::vector<DeviceConfig> default_devices(const HostFacts& facts) {
  std::vector<DeviceConfig> devices;
  for (std::size_t i = 0; i < facts.gpus.size(); ++i) {
    DeviceConfig device;
    device.name = fmt::format("gpu{}", i);
    device.kind = "cuda";
    device.uuid = facts.gpus[i].uuid;
    devices.push_back(std::move(device));
  }
  if (devices.empty()) devices.emplace_back().name = "cpu0";
  return devices;
}

}  // namespace

Result<HostFacts> look_at_host() {
  HostFacts facts;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) facts.cpus.push_back(cpu);
  if (const auto text = base::read_file("/proc/meminfo", 65536); text.ok()) {
    const std::string value = line_value(*text, "MemTotal");
    std::from_chars(value.data(), value.data() + value.size(), facts.memory_bytes);
    facts.memory_bytes *= 1024;
  }
  if (const auto text = base::read_file("/proc/cpuinfo", 4 << 20); text.ok())
    facts.cpu_name = line_value(*text, "model name");
  if (facts.cpu_name.empty()) facts.cpu_name = "CPU";
  FM_ASSIGN(facts.gpus, gpu::nvml::find_devices());
  return facts;
}

Result<HostPlan> plan_host(const WorkerConfig& config, const HostFacts& facts) {
  const std::vector<DeviceConfig> devices = config.devices.empty() ? default_devices(facts) : config.devices;
  HostPlan plan;
  std::map<std::string, std::uint32_t> index_of;
  for (const DeviceConfig& device : devices) {
    FM_ASSIGN(Device resolved, resolve(device, facts));
    index_of[device.name] = static_cast<std::uint32_t>(plan.devices.size());
    plan.devices.push_back(std::move(resolved));
  }
  std::vector<SlotConfig> slots = config.slots;
  if (slots.empty())
    for (const DeviceConfig& device : devices) {
      SlotConfig slot;
      slot.name = slot.device = device.name;
      slots.push_back(std::move(slot));
    }
  std::map<std::uint32_t, std::size_t> on_device, seen;
  for (const SlotConfig& slot : slots) {
    const auto device = index_of.find(slot.device);
    if (device == index_of.end())
      return Error{"config.device", fmt::format("slot {}: no device is called {}", slot.name, slot.device), "slot", ""};
    ++on_device[device->second];
  }
  for (const SlotConfig& slot : slots) {
    const std::uint32_t index = index_of.at(slot.device);
    const Device& device = plan.devices[index];
    SlotPlan out;
    out.name = slot.name;
    out.device = index;
    out.cpus = slot.cpus.empty() ? share(device.cpus, seen[index]++, on_device[index]) : slot.cpus;
    out.threads = slot.threads != 0 ? slot.threads : static_cast<std::uint32_t>(out.cpus.size());
    out.device_bytes_budget = device.memory_bytes_budget / on_device[index];
    out.host_bytes_max = slot.host_memory_bytes;
    if (out.host_bytes_max == 0 && device.kind == "cpu")
      out.host_bytes_max = out.device_bytes_budget + kExecutorOverheadBytes;
    if (out.cpus.size() == facts.cpus.size()) out.cpus.clear();  // all of them: nothing to pin
    plan.slots.push_back(std::move(out));
  }
  cap_cuda_slots(plan, facts.memory_bytes);
  return plan;
}

}  // namespace framemill::worker
