// A frame file opened from memory by OpenImageIO, with what its headers say, before any sample is read. For this room
// alone: the library's types end here. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/frames/frame_format.h"
#include "worker/frames/oiio.h"
#include "worker/frames/picture_channels.h"

namespace framemill::frames {

inline constexpr const char* kColourSpaceAttribute = "framemill:colour_space";

// To be called before the library is used; the first call sets it up.
void prepare_library();

class OpenFrame {
 public:
  // EXR and PNG alone, told by their first bytes, so that no other parser of the library sees a stranger's file.
  // Errors: frames.unreadable, frames.too_large.
  static base::Result<std::unique_ptr<OpenFrame>> open(const std::string& bytes);

  bool is_exr() const { return exr_; }
  const std::vector<OIIO::ImageSpec>& parts() const { return parts_; }
  std::vector<FramePart> part_names() const;

  // Channels begin..end-1 of the part's data window, as `type`, `pixel_bytes` from pixel to pixel. Errors:
  // frames.unreadable.
  base::Status read(int part, int begin, int end, OIIO::TypeDesc type, void* to, OIIO::stride_t pixel_bytes);
  // All channels of the part as stored, in bands of whole rows from the top. Errors: frames.unreadable.
  base::Status read_stored(int part, const std::function<void(std::string_view)>& on_rows);
  // Finds a file that is cut without decoding all of it. Errors: frames.unreadable.
  base::Status read_last_rows(int part);
  // Of a part with deep samples: the number of samples of each pixel (32 bits, little-endian), then the samples as
  // stored, pixel by pixel. Errors: frames.unreadable.
  base::Status read_deep(int part, const std::function<void(std::string_view)>& on_bytes);

 private:
  explicit OpenFrame(const std::string& bytes) : memory_(bytes.data(), bytes.size()) {}
  base::Error unreadable() const;
  base::Status read_band(int part, int from, int to, std::string& band);

  OIIO::Filesystem::IOMemReader memory_;
  std::unique_ptr<OIIO::ImageInput> input_;
  std::vector<OIIO::ImageSpec> parts_;
  bool exr_ = false;
};

}  // namespace framemill::frames
