#include <fmt/format.h>

#include "worker/frames/plate.h"

namespace framemill::frames {

std::string frame_label(const wire::InputFile& input) {
  if (input.layer().empty()) return fmt::format("frame {}", input.frame());
  return fmt::format("frame {} of {} {}", input.frame(), input.shot(), input.layer());
}

std::string plate_label(const wire::InputFile& input) {
  return fmt::format("{} ({}:{})", frame_label(input), input.root(), input.path());
}

}  // namespace framemill::frames
