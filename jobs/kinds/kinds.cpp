#include "jobs/kinds/kinds.h"

#include <fmt/format.h>

namespace framemill::jobs {
namespace {

constexpr std::string_view kDirectory = "{show}/{sequence}/{shot}/{layer}/v{version:03}/{shot}_{layer}";

}  // namespace

void Kind::add_needs(PlanDraft& plan, LayerIndex layer, PhaseIndex first) const {
  const LayerSpec& spec = plan.layer(layer);
  for (std::size_t i = 0; i < spec.inputs.size(); ++i) plan.add_input(layer, first, i, reach(spec));
}

std::string frames_output(std::string_view ending) {
  return fmt::format("{}_t{{variant:02}}_v{{version:03}}.{{frame:04}}.{}", kDirectory, ending);
}

std::string file_output(std::string_view ending) {
  return fmt::format("{}_v{{version:03}}.{}", kDirectory, ending);
}

}  // namespace framemill::jobs
