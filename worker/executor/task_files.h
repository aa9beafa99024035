// The end of a task that reads disks, as a function over values for the lanes. The other end: task_writing.h.
#pragma once

#include <vector>

#include "base/result.h"
#include "wire/farm.pb.h"
#include "worker/executor/attempt.h"
#include "worker/frames/colour.h"
#include "worker/frames/root_file.h"

namespace framemill::worker {

struct LoadOrder {
  std::vector<wire::InputFile> inputs;
  frames::ColourSpace space = frames::ColourSpace::Srgb;  // that context pictures are turned into
  int context_frames = 0;                                 // pictures wanted: the last ones by frame number
  bool decodes = false;                                   // latents of the window itself, not of the one before
  int width = 0, height = 0;                              // of the model's pictures; 0: any
};
// Errors: input_not_visible, input.*, frames.unreadable, recipe.context, gpu.latent_shape.
base::Result<LoadedInputs> load_inputs(const frames::Roots& roots, const LoadOrder& order);

}  // namespace framemill::worker
