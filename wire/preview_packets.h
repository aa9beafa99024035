// Worker <-> framemill-media previews, over a socket that keeps packets whole (SOCK_SEQPACKET): the worker sends one
// serialised wire::PublishOrder, of at most kPreviewFramesMax frames, and gets one packet when its previews are made:
// kPreviewsMade, or what went wrong, for a log. Then it may send the next one.
#pragma once

#include <cstddef>
#include <string_view>

namespace framemill::wire {

inline constexpr std::size_t kPreviewPacketBytesMax = 160 << 10;  // Linux carries 200 KiB without being asked
inline constexpr int kPreviewFramesMax = 128;
inline constexpr std::string_view kPreviewsMade = "made";

}  // namespace framemill::wire
