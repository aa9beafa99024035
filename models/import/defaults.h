// What a package says beyond its networks: sizes, lengths, steps and guidance that its model was published with, and the
// limits within which a job may choose others.
#pragma once

#include "models/import/found_model.h"
#include "models/manifest.h"

namespace framemill::models {

// Fills the window, sampler and conditioning of the manifest, whose components are set.
void take_published_defaults(const FoundModel& model, Manifest& manifest);

// "Wan, text to video, 1.4 B parameters".
std::string title_of(const Manifest& manifest);

}  // namespace framemill::models
