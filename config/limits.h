// How large and how deep a text may be; a kind of file may have narrower limits.
#pragma once

#include <cstddef>

namespace framemill::config {

inline constexpr std::size_t kBytesMax = 256 * 1024;
inline constexpr std::size_t kDepthMax = 32;
inline constexpr std::size_t kKeysMax = 10'000;
inline constexpr std::size_t kStringBytesMax = 64 * 1024;

}  // namespace framemill::config
