// The numbers both ends of the wire agree on; protocol.md explains them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framemill::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kProtocolVersionOldest = 1;  // N and N-1 speak to each other
// Scheduler <-> worker. A message longer than a part travels in several, and only where one item makes it so long: a task
// that reads 4,096 files with paths of 1,024 bytes is granted in less than 5 MiB, and reported in as much.
inline constexpr std::size_t kFarmPartBytesMax = 1 << 20;
inline constexpr std::size_t kFarmMessageBytesMax = 8 << 20;
inline constexpr std::size_t kFarmItemBytesMax = 7 << 20;  // one grant, one finished task, one publish order
inline constexpr std::size_t kExecutorMessageBytesMax = 9
                                                        << 20;  // worker <-> executor: a grant and what is added to it
inline constexpr int kFilesPerReportMax = 4096;
inline constexpr std::size_t kOutputTailBytesMax = 16 << 10;
inline constexpr std::size_t kDetailBytesMax = 128;
inline constexpr std::size_t kCodeBytesMax = 128;
inline constexpr std::size_t kTextBytesMax = 4096;  // one message for people

}  // namespace framemill::wire
