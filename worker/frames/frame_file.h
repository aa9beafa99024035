// Frame files as byte strings: EXR (scene-linear Rec.709, half, zip) and PNG (sRGB, 8 bit), made and read by
// OpenImageIO. Equal pictures and attributes give equal bytes: no time stamp, host or software name is written. Nothing
// here touches a disk, so that one place (staged_file.h) has the durability steps. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "jobs/frame_rate.h"
#include "jobs/spec.h"
#include "worker/frames/frame_format.h"
#include "worker/frames/picture.h"
#include "worker/frames/samples_digest.h"

namespace framemill::frames {

using Attributes = std::vector<std::pair<std::string, std::string>>;  // full names: "framemill:show"

inline constexpr std::string_view kAttributePrefix = "framemill:";  // of the names of what is ours in a file

struct EncodedFrame {
  std::string bytes;
  base::Sha256 sha256;
  base::Sha256 samples_sha256;
};

// Samples of a display-referred (sRGB) picture are clamped to 0..1; linear ones only where the format wants it.
// Errors: frames.encode.
base::Result<EncodedFrame> encode_frame(const Picture& picture, jobs::FrameFormat format, const Attributes& attributes);

struct DecodedFrame {
  Picture picture;                      // in the space the file says it is in
  Attributes attributes;                // those named framemill:*, of the part that the picture is in
  std::vector<std::string> channels;    // the file's names for R, G and B; the same name three times where it is grey
  std::optional<jobs::FrameRate> rate;  // framesPerSecond, where the file has one that a movie can have
};

// The display window of the picture in an EXR or PNG file: black where the file has no samples for it, without what the
// data window holds beyond it. Which channels are the picture: picture_channels.h. Samples under alpha are
// premultiplied, so that what is transparent is black. Errors: frames.unreadable, frames.too_large, frames.channels.
base::Result<DecodedFrame> decode_frame(const std::string& file_bytes);

// The first sample that is not a number, for people: "channel G is NaN at pixel 12, 40".
std::optional<std::string> find_not_finite(const DecodedFrame& frame);

// The samples of the first part as stored, for tests and tools. Errors: as decode_frame.
base::Result<ImageSamples> stored_samples(const std::string& file_bytes);

}  // namespace framemill::frames
