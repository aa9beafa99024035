// What a frame file is before a library reads it: its first bytes, its limits, and the error of one that cannot be read.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::frames {

inline constexpr std::string_view kExrMagic{"\x76\x2f\x31\x01", 4};
inline constexpr std::string_view kPngMagic{"\x89PNG\r\n\x1a\n", 8};

inline constexpr int kFrameExtentMax = 16384;                      // pixels of the display window, each way
inline constexpr std::uint64_t kFrameFileBytesMax = 1ull << 30;    // of a frame file that is read
inline constexpr std::uint64_t kFrameSampleBytesMax = 4ull << 30;  // of all samples of one part of it, as stored

bool looks_like_frame(std::string_view file_bytes);
bool is_exr(std::string_view file_bytes);  // by its first bytes

base::Error unreadable_frame(std::string reason);  // frames.unreadable

}  // namespace framemill::frames
