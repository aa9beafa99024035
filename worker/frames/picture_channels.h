// Which channels of a frame file are the picture. A plate from another tool may hold forty channels in several parts:
// beauty, depth, mattes. The picture is chosen by the channels' names and never by their order. Pure values.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace framemill::frames {

struct FramePart {
  std::string name;                   // of an EXR part; empty for files of one part without a name
  std::vector<std::string> channels;  // in the file's order
};

struct PictureChannels {
  int part = 0;
  int r = 0, g = 0, b = 0;  // indices into the part's channels; all the same one for a grey picture
  bool is_grey() const { return r == g && g == b; }
};

// `R`, `G` and `B` of the first part that has all three; else the only layer that has them (`beauty.R`, `C.r`,
// `rgba.red`); else, in a file whose only channel beside alpha is `Y`, that one: such a file is grey on purpose. Any
// other file is refused with its parts and channels listed. Errors: frames.channels.
base::Result<PictureChannels> choose_channels(const std::vector<FramePart>& parts);

}  // namespace framemill::frames
