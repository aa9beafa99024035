#include "worker/frames/frame_format.h"

#include <utility>

#include "jobs/attempt_error.h"

namespace framemill::frames {

bool looks_like_frame(std::string_view bytes) {
  return bytes.starts_with(kExrMagic) || bytes.starts_with(kPngMagic);
}

bool is_exr(std::string_view bytes) {
  return bytes.starts_with(kExrMagic);
}

base::Error unreadable_frame(std::string reason) {
  return base::error_of(jobs::AttemptError::FrameUnreadable, std::move(reason));
}

}  // namespace framemill::frames
