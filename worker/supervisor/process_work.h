// How much a program has worked: the processor time of its process and of everything that it started and that still
// lives, or that it has waited for. It does not move for a program that hangs, sleeps, or waits for storage.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace framemill::worker {

inline constexpr std::size_t kTreeProcessesMax = 4096;  // looked at; what a program starts beyond them is not counted

// In clock ticks. Nothing: this host does not show it. May become smaller when a process ends.
std::optional<std::uint64_t> processor_ticks_of_tree(pid_t top);

}  // namespace framemill::worker
