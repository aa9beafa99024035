// Clips for judging: from a generator, one window or a chain of windows, and from the catalogue.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/generator.h"
#include "training/catalogue/scene.h"

namespace framemill::score {

struct ClipRequest {
  std::string prompt;
  std::string negative_prompt;
  std::uint64_t seed = 0;
  int steps = 0;
  std::optional<float> guidance;
};

// One native window per request, made `batch` at a time.
base::Result<std::vector<gpu::ImageBlock>> make_windows(gpu::Generator& generator,
                                                        const std::vector<ClipRequest>& requests, int batch);

// `windows` windows, each beginning with the last frames of the one before; the seams' frames appear once.
base::Result<gpu::ImageBlock> make_chain(gpu::Generator& generator, const ClipRequest& request, int windows);

gpu::ImageBlock rendered(const train::Scene& scene, int first, int frames);

}  // namespace framemill::score
