// The numbers both ends of the wire agree on; protocol.md explains them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framemill::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kProtocolVersionOldest = 1;           // N and N-1 speak to each other
inline constexpr std::size_t kFarmMessageBytesMax = 1 << 20;         // scheduler <-> worker
inline constexpr std::size_t kExecutorMessageBytesMax = 4 << 20;     // worker <-> executor
inline constexpr int kFilesPerReportMax = 4096;
inline constexpr std::size_t kOutputTailBytesMax = 16 << 10;
inline constexpr std::size_t kDetailBytesMax = 128;
inline constexpr std::size_t kCodeBytesMax = 128;
inline constexpr std::size_t kTextBytesMax = 4096;  // one message for people

}  // namespace framemill::wire
