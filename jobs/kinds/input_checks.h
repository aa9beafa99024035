// Checks of inputs that several kinds of layers share. Private to jobs.
#pragma once

#include "jobs/kind.h"

namespace framemill::jobs {

// Of a layer that makes one file of what it is given: there are inputs, and of those from roots the frames are known.
void check_shown_inputs(const LayerDraft& layer, Findings& errors);

// One task reads at most kInputFramesPerTaskMax frames.
void check_frames_read(const LayerDraft& layer, const DraftLayers& layers, Findings& errors);

}  // namespace framemill::jobs
