// Frame files as byte strings: EXR (scene-linear Rec.709, half, zip) and PNG (sRGB, 8 bit), made and read by
// OpenImageIO. Equal pictures and attributes give equal bytes: no time stamp, host or software name is written. Nothing
// here touches a disk, so that one place (staged_file.h) has the durability steps. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "jobs/spec.h"
#include "worker/frames/picture.h"
#include "worker/frames/samples_digest.h"

namespace framemill::frames {

using Attributes = std::vector<std::pair<std::string, std::string>>;  // full names: "framemill:show"

inline constexpr int kFrameExtentMax = 16384;                      // pixels, each way
inline constexpr std::uint64_t kFrameFileBytesMax = 256ull << 20;  // of a frame file that is read

struct EncodedFrame {
  std::string bytes;
  base::Sha256 sha256;
  base::Sha256 samples_sha256;
};

// Samples of a display-referred (sRGB) picture are clamped to 0..1; linear ones only where the format wants it.
// Errors: frames.encode.
base::Result<EncodedFrame> encode_frame(const Picture& picture, jobs::FrameFormat format, const Attributes& attributes);

struct DecodedFrame {
  Picture picture;        // in the space the file says it is in
  Attributes attributes;  // those named framemill:*
};

// Reads EXR and PNG alone, told by their first bytes, so that no other parser of the library sees a stranger's file.
// Errors: frames.unreadable, frames.too_large.
base::Result<DecodedFrame> decode_frame(const std::string& file_bytes);

// The samples as stored, for digests. Errors: as decode_frame.
base::Result<ImageSamples> stored_samples(const std::string& file_bytes);

bool looks_like_frame(std::string_view file_bytes);

}  // namespace framemill::frames
