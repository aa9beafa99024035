// How large and how deep a spec may be. Private to this room.
#pragma once

#include <cstddef>

namespace framemill::jobs {

inline constexpr std::size_t kSpecBytesMax = 256 * 1024;
inline constexpr std::size_t kSpecDepthMax = 32;
inline constexpr std::size_t kSpecKeysMax = 10'000;
inline constexpr std::size_t kSpecStringBytesMax = 64 * 1024;

}  // namespace framemill::jobs
