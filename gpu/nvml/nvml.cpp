#include "gpu/nvml/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <climits>
#include <memory>

namespace framemill::gpu::nvml {
namespace {

// The few declarations of nvml.h that are needed; the library keeps them stable by versioned symbol names.
using Return = int;
constexpr Return kSuccess = 0;
constexpr Return kDriverNotLoaded = 9;
using DeviceHandle = void*;
struct Memory {
  unsigned long long total, free, used;
};

struct LibraryClose {
  void operator()(void* handle) const { ::dlclose(handle); }
};
using Library = std::unique_ptr<void, LibraryClose>;

template <class Function>
bool find(const Library& library, const char* name, Function*& out) {
  out = reinterpret_cast<Function*>(::dlsym(library.get(), name));
  return out != nullptr;
}

struct Api {
  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*count)(unsigned*) = nullptr;
  Return (*handle_by_index)(unsigned, DeviceHandle*) = nullptr;
  Return (*uuid)(DeviceHandle, char*, unsigned) = nullptr;
  Return (*name)(DeviceHandle, char*, unsigned) = nullptr;
  Return (*memory)(DeviceHandle, Memory*) = nullptr;
  Return (*cpu_affinity)(DeviceHandle, unsigned, unsigned long*) = nullptr;

  bool load(const Library& library) {
    return find(library, "nvmlInit_v2", init) && find(library, "nvmlShutdown", shutdown) &&
           find(library, "nvmlErrorString", error_string) && find(library, "nvmlDeviceGetCount_v2", count) &&
           find(library, "nvmlDeviceGetHandleByIndex_v2", handle_by_index) &&
           find(library, "nvmlDeviceGetUUID", uuid) && find(library, "nvmlDeviceGetName", name) &&
           find(library, "nvmlDeviceGetMemoryInfo", memory) && find(library, "nvmlDeviceGetCpuAffinity", cpu_affinity);
  }
};

constexpr unsigned kDevicesMax = 64;

base::Error failed(const Api& api, const char* what, Return status) {
  return {"nvml.failed", fmt::format("{}: {}", what, api.error_string(status)), "",
          "look at `nvidia-smi` and the kernel log; without its driver a GPU cannot be used"};
}

base::Result<GpuDevice> describe(const Api& api, unsigned index) {
  DeviceHandle handle = nullptr;
  if (const Return status = api.handle_by_index(index, &handle); status != kSuccess)
    return failed(api, "open device", status);
  GpuDevice device;
  std::array<char, 96> text{};
  if (const Return status = api.uuid(handle, text.data(), text.size()); status != kSuccess)
    return failed(api, "read a device's UUID", status);
  device.uuid = text.data();
  if (const Return status = api.name(handle, text.data(), text.size()); status != kSuccess)
    return failed(api, "read a device's name", status);
  device.name = text.data();
  Memory memory{};
  if (const Return status = api.memory(handle, &memory); status != kSuccess)
    return failed(api, "read a device's memory", status);
  device.memory_bytes_total = memory.total;
  device.memory_bytes_free = memory.free;
  // Affinity is a courtesy: virtual machines often do not tell it.
  std::array<unsigned long, 32> mask{};
  if (api.cpu_affinity(handle, mask.size(), mask.data()) == kSuccess)
    for (int cpu = 0; cpu < static_cast<int>(mask.size() * sizeof(long) * CHAR_BIT); ++cpu)
      if (mask[cpu / (sizeof(long) * CHAR_BIT)] >> (cpu % (sizeof(long) * CHAR_BIT)) & 1)
        device.near_cpus.push_back(cpu);
  return device;
}

base::Result<std::vector<GpuDevice>> describe_all(const Api& api) {
  unsigned count = 0;
  if (const Return status = api.count(&count); status != kSuccess) return failed(api, "count the devices", status);
  std::vector<GpuDevice> devices;
  for (unsigned i = 0; i < count && i < kDevicesMax; ++i) {
    FM_ASSIGN(GpuDevice device, describe(api, i));
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace

base::Result<std::vector<GpuDevice>> find_devices(const std::string& library_name) {
  const Library library(::dlopen(library_name.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) return std::vector<GpuDevice>{};
  Api api;
  if (!api.load(library)) return base::Error{"nvml.failed", library_name + " lacks functions that are needed", "", ""};
  const Return status = api.init();
  if (status == kDriverNotLoaded) return std::vector<GpuDevice>{};
  if (status != kSuccess) return failed(api, "start NVML", status);
  auto devices = describe_all(api);
  api.shutdown();
  return devices;
}

}  // namespace framemill::gpu::nvml
