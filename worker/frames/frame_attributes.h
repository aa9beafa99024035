// What a frame file says about itself: attributes of the recipe alone, in a fixed order. No job id, attempt, worker or
// time, so that the same recipe gives the same bytes wherever and whenever it runs (promise P4).
#pragma once

#include "jobs/frame_range.h"
#include "wire/recipe.pb.h"
#include "worker/frames/frame_file.h"

namespace framemill::frames {

Attributes frame_attributes(const wire::Recipe& recipe, jobs::Frame frame, const std::string& device_class);

// The value of "framemill:<name>", or empty.
std::string attribute(const Attributes& attributes, std::string_view name);

}  // namespace framemill::frames
