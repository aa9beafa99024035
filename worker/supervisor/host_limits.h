// What this host is short of while a program fails: processes under the limits of the worker's cgroup and above it
// (TasksMax of its service), processes of the user, entries of the kernel's table of open files. A program that could not
// fork says so in its own words, if at all; here is what the kernel says. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"

namespace framemill::worker {

class HostLimits {
 public:
  // A program that was refused a process while the host had more room than this had used that room itself.
  static constexpr std::uint64_t kProcessRoomMin = 256;
  static constexpr std::uint64_t kFileRoomMin = 256;
  static constexpr std::uint64_t kUserRoomMin = 16;  // nothing counts what is refused there

  // Without cgroups: what has no limit lacks nothing.
  HostLimits() = default;
  // The limits above this process; version 1 and 2 of cgroups. The arguments are for tests.
  static HostLimits find(const std::filesystem::path& mount = "/sys/fs/cgroup",
                         const std::filesystem::path& own_cgroup_file = "/proc/self/cgroup");

  // How often the kernel refused a process there so far.
  std::uint64_t forks_refused() const;
  // Called after a program of `user` has failed. `refused`: whether a process was refused to it or beside it. Errors:
  // host.processes, host.descriptors.
  base::Status shortage(bool refused, uid_t user) const;

 private:
  bool lacks_processes() const;
  std::vector<std::filesystem::path> cgroups_;  // from this process's own upwards
};

}  // namespace framemill::worker
