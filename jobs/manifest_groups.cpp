#include "jobs/manifest_groups.h"

#include <map>
#include <utility>

#include "jobs/output_names.h"

namespace framemill::jobs {
namespace {

std::string directory_of(const PhasePlan& phase) {
  const std::string_view fixed = split_pattern(phase.output_pattern).prefix;
  const std::size_t slash = fixed.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view{} : fixed.substr(0, slash));
}

}  // namespace

bool is_on_manifest(const PhasePlan& phase) {
  return phase.traits().writes_frames && (phase.traits().windowed || !phase.frames.empty());
}

std::vector<ManifestGroup> manifest_groups(const JobPlan& plan) {
  std::vector<ManifestGroup> groups;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (const bool windowed : {true, false}) {
    for (PhaseIndex index = 0; index < plan.phases.size(); ++index) {
      const PhasePlan& phase = plan.phases[index];
      if (phase.traits().windowed != windowed || !is_on_manifest(phase)) continue;
      const auto [place, added] = known.try_emplace({phase.root, directory_of(phase)}, groups.size());
      if (added) groups.push_back({place->first.first, place->first.second, {}});
      groups[place->second].phases.push_back(index);
    }
  }
  return groups;
}

}  // namespace framemill::jobs
