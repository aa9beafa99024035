// The frame rate that a movie is ordered with, out of its layer, its job and the packages of what it shows. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "jobs/frame_rate.h"
#include "jobs/package_facts.h"
#include "jobs/spec.h"

namespace framemill::jobs {

// The rate that an encode layer is ordered with: its own, else the job's, else that of the layer with a model whose
// frames its inputs come from, or of its package (the first that has one, through commands too). Nothing: the worker takes framesPerSecond of the
// first picture that has it, else 24 with a warning.
using FindPackage = std::function<const PackageFacts*(const std::string& id)>;
std::optional<FrameRate> ordered_rate(const JobSpec& job, const LayerSpec& layer, const FindPackage& find_package);

}  // namespace framemill::jobs
