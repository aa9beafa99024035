#include "scheduler/core/policy/retakes.h"

#include <algorithm>

#include "jobs/check.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kVersionsLookedAt = 64;

// Some frame of a layer of that name and shot has its name.
bool has_published(const JobEntry& job, const std::string& shot) {
  return std::any_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
    const jobs::PhaseTraits& traits = phase.plan->traits();
    return traits.windowed && !traits.intermediate && job.layer_of(phase).shot == shot &&
           phase.tasks.count(TaskState::Published) > 0;
  });
}

}  // namespace

std::vector<std::string> retake_warnings(const FarmState& farm, const JobEntry& job) {
  const jobs::JobSpec& spec = *job.record.spec;
  std::vector<std::string> warnings;
  for (const std::string& shot : jobs::shots_of(spec)) {
    std::size_t looked_at = 0;
    for (const VersionRecord& version :
         farm.jobs.versions_before({spec.show, {spec.sequence, shot}}, job.record.version)) {
      if (++looked_at > kVersionsLookedAt) break;
      const JobEntry* earlier = farm.jobs.find(version.job);
      if (earlier == nullptr || !has_published(*earlier, shot)) continue;
      jobs::JobSpec of_shot = *earlier->record.spec;  // layers keep their places, those of other shots lose their names
      for (jobs::LayerSpec& layer : of_shot.layers)
        if (layer.shot != shot) layer.name.clear();
      for (std::string& warning :
           jobs::grid_differences(spec, *job.record.plan, of_shot, *earlier->record.plan, version.version))
        warnings.push_back(std::move(warning));
      break;
    }
  }
  return warnings;
}

}  // namespace framemill::scheduler
