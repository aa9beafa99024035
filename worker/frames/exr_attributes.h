// Changes what an EXR file says about itself without touching a sample: headers are written anew by the OpenEXR
// library, compressed pixels are copied as they are, in files of one part and of many, in lines and in tiles, flat and
// deep. Bytes in, bytes out. Any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "worker/frames/frame_file.h"

namespace framemill::frames {

// `attributes` in the header of every part; attributes whose names begin with "framemill:" are taken out first, others
// stay. Errors: frames.unreadable.
base::Result<std::string> with_exr_attributes(const std::string& file_bytes, const Attributes& attributes);

}  // namespace framemill::frames
