#include "gpu/torch/cpu_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace framemill::gpu {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector register

std::atomic<std::uint64_t> bytes_now{0}, bytes_peak{0}, bytes_budget{0};

// The size of a block is kept in the cache line before it.
void release(void* data) {
  if (!data) return;
  char* block = static_cast<char*>(data) - kAlignment;
  std::uint64_t size = 0;
  std::memcpy(&size, block, sizeof(size));
  bytes_now.fetch_sub(size, std::memory_order_relaxed);
  std::free(block);
}

class CappingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    if (size == 0) return {nullptr, nullptr, &release, c10::Device(c10::DeviceType::CPU)};
    const std::uint64_t before = bytes_now.fetch_add(size, std::memory_order_relaxed);
    const std::uint64_t limit = bytes_budget.load(std::memory_order_relaxed);
    if ((limit != 0 && before + size > limit) || size > SIZE_MAX - 2 * kAlignment) refuse(size, limit);
    const std::size_t whole = (size + 2 * kAlignment - 1) / kAlignment * kAlignment;
    void* block = std::aligned_alloc(kAlignment, whole);
    if (!block) refuse(size, limit);
    std::memcpy(block, &size, sizeof(size));
    std::uint64_t seen = bytes_peak.load(std::memory_order_relaxed);
    while (before + size > seen && !bytes_peak.compare_exchange_weak(seen, before + size, std::memory_order_relaxed)) {
    }
    void* data = static_cast<char*>(block) + kAlignment;
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t count) const override { std::memcpy(to, from, count); }

 private:
  [[noreturn]] static void refuse(std::size_t size, std::uint64_t limit) {
    bytes_now.fetch_sub(size, std::memory_order_relaxed);
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CPU memory: ", size, " bytes more do not fit into a budget of ", limit);
    std::abort();
  }
};

}  // namespace

void install_cpu_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Tensors come and go by the megabyte: keep their pages instead of handing them back to the kernel each time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024 * 1024);
    static CappingAllocator allocator;
    c10::SetCPUAllocator(&allocator, 1);
  });
}

CpuMemory cpu_memory() {
  return {bytes_now.load(), bytes_peak.load(), bytes_budget.load()};
}
void reset_cpu_peak() {
  bytes_peak.store(bytes_now.load());
}
void set_cpu_budget(std::uint64_t budget_bytes) {
  bytes_budget.store(budget_bytes);
}

}  // namespace framemill::gpu
