// A picture that a task reads, whoever made it: found below its root, opened, and looked at before anything is made of
// it. What is wrong with it stays wrong, so that every error but input_not_visible is final, and names the frame, the
// root and the path. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "jobs/frame_rate.h"
#include "wire/recipe.pb.h"
#include "worker/frames/output_checks.h"
#include "worker/frames/picture.h"
#include "worker/frames/root_file.h"

namespace framemill::frames {

struct Plate {
  Picture picture;                      // the display window, every sample finite
  std::optional<jobs::FrameRate> rate;  // framesPerSecond of an EXR
  wire::InputFile read;                 // with the size and SHA-256 of what was read
};

// Errors: input_not_visible, input.path, input.read, input.too_large, input.unreadable (cut, damaged, another format),
// input.channels (no picture among its channels), input.nan.
base::Result<Plate> read_plate(const Roots& roots, const wire::InputFile& input);

// Errors: input.size, naming this frame and the `first` one, whose size is `expected`.
base::Status check_plate_size(const Picture& picture, const wire::InputFile& input, ExpectedSize expected,
                              const wire::InputFile& first);

// "frame 1003 of hb_0010 comp"; without shot and layer for a file from outside the farm.
std::string frame_label(const wire::InputFile& input);
// "frame 1003 of hb_0010 comp (main:hb/comp.1003.exr)".
std::string plate_label(const wire::InputFile& input);

}  // namespace framemill::frames
