// The chunks of a PNG file (ISO/IEC 15948, clause 5), to see whether the file is whole and to change the text in its
// header without touching a pixel. Bytes in, bytes out; no sample is decoded. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/frames/frame_file.h"

namespace framemill::frames {

// Every chunk is there, up to the one that ends the picture. Errors: frames.unreadable.
base::Status check_png_is_whole(std::string_view file_bytes);

// The same picture with `attributes` as its text chunks; text whose keyword begins with "framemill:" is taken out
// first, other text stays. Errors: frames.unreadable.
base::Result<std::string> with_png_attributes(std::string_view file_bytes, const Attributes& attributes);

}  // namespace framemill::frames
