#include "jobs/ordered_rate.h"

#include <cstddef>
#include <cstdint>

#include "jobs/kind.h"

namespace framemill::jobs {
namespace {

// Depth-first through the inputs, in the order of the spec; `steps` bounds what commands in a row cost.
std::optional<FrameRate> rate_of_inputs(const JobSpec& job, const LayerSpec& layer, const FindPackage& find_package,
                                        std::size_t& steps) {
  for (const LayerInput& input : layer.inputs) {
    const LayerSpec* source = input.layer.empty() ? nullptr : job.find_layer(input.layer);
    if (source == nullptr || steps == 0) continue;
    --steps;
    if (traits(source->kind).uses_model) {
      if (source->window().fps) return source->window().fps;
      const PackageFacts* facts = find_package(source->model());
      if (facts != nullptr && facts->fps >= 1 && facts->fps <= kFrameRateMax)
        return FrameRate{static_cast<std::uint32_t>(facts->fps), 1};
    } else if (const auto rate = rate_of_inputs(job, *source, find_package, steps)) {
      return rate;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FrameRate> ordered_rate(const JobSpec& job, const LayerSpec& layer, const FindPackage& find_package) {
  if (const auto own = kind_of(layer.kind).rate(layer)) return own;
  if (job.fps) return job.fps;
  std::size_t steps = kLayersMax;
  return rate_of_inputs(job, layer, find_package, steps);
}

}  // namespace framemill::jobs
