// How an executor says with its exit status why it ended. The worker's table of deaths (worker/core/deaths.h) turns
// these, signals and kills into outcomes; any other status is a crash.
#pragma once

namespace framemill::wire {

inline constexpr int kExitFinished = 0;            // after ToExecutor.finish, or the worker closed the socket
inline constexpr int kExitOutOfDeviceMemory = 81;  // the allocator cannot recover: a new process is needed
inline constexpr int kExitOutOfHostMemory = 82;    // std::bad_alloc under the memory cap
inline constexpr int kExitHardware = 83;           // the device reported a fault that stays (sticky CUDA error, ECC)
inline constexpr int kExitProtocol = 84;           // the worker sent something that cannot be read
inline constexpr int kExitNoThreads = 85;          // the host has no thread to spare for it
inline constexpr int kExitConfiguration = 78;      // it can never start as configured (EX_CONFIG)

}  // namespace framemill::wire
