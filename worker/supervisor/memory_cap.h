// Caps on the host memory of a slot's processes: a cgroup (v2) of its own where the service manager delegated one
// (systemd: Delegate=yes), otherwise RLIMIT_DATA. The worker itself moves into a leaf, because a cgroup that has
// processes may not hand memory control to its children. Loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace framemill::worker {

// The sanitizers' shadow memory is private and writable, terabytes of it: under RLIMIT_DATA no program of theirs starts.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kDataLimitUsable = false;
#else
inline constexpr bool kDataLimitUsable = true;
#endif

// One slot's cap.
class MemoryCap {
 public:
  MemoryCap() = default;
  // A cgroup directory that exists.
  MemoryCap(std::filesystem::path cgroup, std::uint64_t bytes_max)
      : cgroup_(std::move(cgroup)), bytes_max_(bytes_max) {}
  explicit MemoryCap(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  std::uint64_t data_bytes_max() const { return cgroup_.empty() && kDataLimitUsable ? bytes_max_ : 0; }
  std::uint64_t bytes_max() const { return bytes_max_; }  // 0: none
  std::string cgroup_procs() const { return cgroup_.empty() ? "" : (cgroup_ / "cgroup.procs").string(); }
  // Processes of this slot that the kernel killed for memory so far; 0 without a cgroup.
  std::uint64_t kills() const;
  // Evidence that a process which ended badly had used up its RLIMIT_DATA: what was resident at its largest is near the
  // limit. What the program itself says of memory is none. Under a cgroup the kernel's kills are counted instead.
  bool was_reached(std::uint64_t resident_bytes_peak) const {
    return data_bytes_max() > 0 && resident_bytes_peak >= data_bytes_max() / 8 * 7;
  }
  // The cap's share of the executor, and of the programs beside it: one memory, but kills are counted apart and end one
  // of the two alone.
  // `processes_max`: of the part, threads included; 0, or no controller of processes: no limit of its own.
  MemoryCap part(const std::string& name, std::uint32_t processes_max = 0) const;
  // How often the kernel refused this part a process so far; 0 without a cgroup.
  std::uint64_t forks_refused() const;

 private:
  std::filesystem::path cgroup_;
  std::uint64_t bytes_max_ = 0;
};

class MemoryCaps {
 public:
  // Looks for a delegated cgroup. The arguments are for tests.
  static MemoryCaps find(const std::filesystem::path& mount = "/sys/fs/cgroup",
                         const std::filesystem::path& own_cgroup_file = "/proc/self/cgroup");
  // bytes_max 0: uncapped. Falls back to RLIMIT_DATA when the cgroup cannot be made.
  MemoryCap make(const std::string& slot, std::uint64_t bytes_max) const;
  bool has_cgroup() const { return !own_.empty(); }

 private:
  std::filesystem::path own_;
};

}  // namespace framemill::worker
