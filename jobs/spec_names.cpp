// The spec's words for its closed lists, and small look-ups over a spec.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "jobs/spec.h"

namespace framemill::jobs {
namespace {

template <std::size_t N, class Enum>
std::string_view word(const std::array<std::string_view, N>& words, Enum value) {
  return words.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view name(PlanStrategy plan) {
  constexpr std::array<std::string_view, 2> kWords{"independent", "chain"};
  return word(kWords, plan);
}
std::string_view name(Reproducibility level) {
  constexpr std::array<std::string_view, 3> kWords{"exact", "stable", "fast"};
  return word(kWords, level);
}
std::string_view name(DevicePreference device) {
  constexpr std::array<std::string_view, 3> kWords{"any", "cpu", "cuda"};
  return word(kWords, device);
}
std::string_view name(FrameFormat format) {
  constexpr std::array<std::string_view, 2> kWords{"exr", "png"};
  return word(kWords, format);
}
std::string_view name(OutputCheck check) {
  constexpr std::array<std::string_view, 2> kWords{"auto", "none"};
  return word(kWords, check);
}

const LayerSpec* JobSpec::find_layer(std::string_view layer_name) const {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const LayerSpec& layer) { return layer.name == layer_name; });
  return found == layers.end() ? nullptr : &*found;
}

std::string FrameReach::text() const {
  return all ? "all" : fmt::format("{:+}..{:+}", lo, hi);
}

PictureSource picture_source(const LayerSpec& layer, const FindLayer& find) {
  // Depth-first in the order of the spec, each layer once: a job has at most kLayersMax.
  std::set<const LayerSpec*> asked;
  const std::function<PictureSource(const LayerSpec&)> look = [&](const LayerSpec& reader) -> PictureSource {
    for (const LayerInput& input : reader.inputs) {
      const LayerSpec* source = input.layer.empty() ? nullptr : find(input.layer);
      if (source == nullptr || !asked.insert(source).second) continue;
      if (traits(source->kind).uses_model) return {source, input.variant.value_or(0)};
      if (const PictureSource found = look(*source); found.layer != nullptr) return found;
    }
    return {};
  };
  return look(layer);
}

std::vector<std::string> shots_of(const JobSpec& spec) {
  std::vector<std::string> shots;
  for (const LayerSpec& layer : spec.layers)
    if (std::find(shots.begin(), shots.end(), layer.shot) == shots.end()) shots.push_back(layer.shot);
  return shots;
}

}  // namespace framemill::jobs
