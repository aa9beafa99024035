// What a frame file is, from its headers: for comparing files with one another without reading their samples. Pure
// functions over bytes.
#pragma once

#include <string>

#include "base/result.h"

namespace framemill::frames {

struct FrameFacts {
  int width = 0, height = 0;  // of the display window
  std::string channels;       // all of them, in the file's order: "R G B A"; parts apart by ";"
  bool is_grey = false;       // the picture is, on purpose (picture_channels.h)
  bool has_picture = false;   // R, G and B or grey; false for a file of mattes or depth alone
};

// Errors: as decode_frame, but for frames.channels.
base::Result<FrameFacts> frame_facts(const std::string& file_bytes);

// Whether the file ends where its headers say, without decoding all of it. Errors: frames.unreadable.
base::Status check_frame_is_whole(const std::string& file_bytes);

}  // namespace framemill::frames
