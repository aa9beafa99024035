#include "gpu/torch/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include <chrono>
#include <mutex>

#include "gpu/torch/cpu_allocator.h"
#include "gpu/torch/device_facts.h"

namespace framemill::gpu {
namespace {

std::mutex device_mutex;
int threads_fixed = 0;
std::uint64_t cuda_budget_bytes = 0;

// libtorch_cuda registers its hooks when it is loaded; it is not linked, so that one build serves both kinds of
// machine.
base::Status load_cuda() {
  if (!at::hasCUDA() && !dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) {
    const char* reason = dlerror();
    return base::Error{"gpu.no_device", std::string("load libtorch_cuda.so: ") + (reason ? reason : "unknown"), "",
                       "unpack the CUDA wheels beside LibTorch's"};
  }
  if (!at::hasCUDA()) return base::Error{"gpu.no_device", "LibTorch finds no CUDA device", "", "check the driver"};
  return {};
}

}  // namespace

base::Result<at::Device> open_device(const DeviceSpec& spec) {
  const std::lock_guard lock(device_mutex);
  if (spec.threads < 1 || spec.threads > 1024)
    return base::Error{"gpu.threads", "threads are 1 to 1024", "threads", ""};
  if (threads_fixed != 0 && threads_fixed != spec.threads)
    return base::Error{"gpu.threads", fmt::format("this process computes with {} threads already", threads_fixed),
                       "threads", ""};
  if (threads_fixed == 0) {
    install_cpu_allocator();
    at::set_num_threads(spec.threads);
    at::globalContext().setFlushDenormal(true);
    at::globalContext().setDeterministicAlgorithms(true, true);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setAllowTF32CuDNN(false);
    threads_fixed = spec.threads;
  }
  if (spec.kind == DeviceKind::Cpu) return at::Device(at::kCPU);
  FM_TRY(load_cuda());
  try {
    at::globalContext().lazyInitDevice(at::kCUDA);
    const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(spec.index));
    at::zeros({1}, at::TensorOptions(device)).item<float>();  // fails here, not in the first step
    return device;
  } catch (const c10::Error& error) {
    return base::Error{"gpu.no_device", error.what_without_backtrace(), "", ""};
  }
}

std::string describe_device(const DeviceSpec& spec) {
  if (spec.kind == DeviceKind::Cuda)
    return fmt::format("cuda:{}, torch {}, float32, no tf32", spec.index, TORCH_VERSION);
  return fmt::format("cpu {}, torch {}, {} threads, float32", at::get_cpu_capability(), TORCH_VERSION, spec.threads);
}

std::string device_class(const DeviceSpec& spec) {
  return describe_device(spec);
}

MemoryFigures device_memory(const at::Device& device) {
  MemoryFigures figures;
  if (device.is_cpu()) {
    const CpuMemory memory = cpu_memory();
    figures.current_bytes = memory.current_bytes;
    figures.peak_bytes = memory.peak_bytes;
    figures.budget_bytes = memory.budget_bytes;
    return figures;
  }
  constexpr std::size_t kAggregate = 0;  // the first statistic is over all pools
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  figures.current_bytes = static_cast<std::uint64_t>(stats.allocated_bytes[kAggregate].current);
  figures.peak_bytes = static_cast<std::uint64_t>(stats.allocated_bytes[kAggregate].peak);
  figures.budget_bytes = cuda_budget_bytes;
  return figures;
}

void reset_device_peak(const at::Device& device) {
  if (device.is_cpu()) {
    reset_cpu_peak();
  } else {
    c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
  }
}

void set_memory_budget(const at::Device& device, std::uint64_t budget_bytes) {
  if (device.is_cpu()) {
    set_cpu_budget(budget_bytes);
  } else {
    cuda_budget_bytes = budget_bytes;  // held by admission: predicted bytes are compared with it before each step
  }
}

double measured_matmul_gflops(const DeviceSpec& spec) {
  auto device = open_device(spec);
  if (!device.ok()) return 0.0;
  constexpr int kSize = 768, kRepeats = 6;
  const at::Tensor a = at::ones({kSize, kSize}, at::TensorOptions(*device));
  at::Tensor b = at::mm(a, a);  // warm
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kRepeats; ++i) b = at::mm(a, b) * 1e-3;
  b.sum().item<float>();  // waits for a GPU too
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return 2.0 * kSize * kSize * kSize * kRepeats / seconds * 1e-9;
}

}  // namespace framemill::gpu
