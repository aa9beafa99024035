#include "scheduler/core/policy/avoidance.h"

#include <algorithm>

#include "scheduler/core/policy/able_groups.h"

namespace framemill::scheduler {
namespace {

using Why = Avoidance::Why;

std::size_t failures_on(const TaskTroubleRecord& trouble, WorkerId worker) {
  return static_cast<std::size_t>(std::count(trouble.failed_on.begin(), trouble.failed_on.end(), worker) +
                                  std::count(trouble.isolated_crashes.begin(), trouble.isolated_crashes.end(), worker));
}

std::size_t fewest_failures(const TaskTroubleRecord& trouble, const std::vector<WorkerId>& judges) {
  std::size_t fewest = SIZE_MAX;
  for (const WorkerId judge : judges) {
    fewest = std::min(fewest, failures_on(trouble, judge));
    if (fewest == 0) break;
  }
  return fewest;
}

}  // namespace

const HostStanding* standing_of(const JobEntry& job, std::uint32_t layer, WorkerId worker) {
  const auto found = job.hosts.find({layer, worker});
  return found == job.hosts.end() ? nullptr : &found->second;
}

Avoidance layer_avoidance(const FarmState& farm, const JobEntry& job, std::uint32_t layer, WorkerId worker) {
  const HostStanding* standing = standing_of(job, layer, worker);
  if (standing == nullptr) return {};
  if (standing->not_before > farm.now())
    return {standing->aside ? Why::Aside : Why::BackOff, standing->not_before, standing};
  if (standing->on_trial() && standing->probe) return {Why::OnTrial, {}, standing};
  return {};
}

Avoidance task_avoidance(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task,
                         WorkerId worker, const Judges& judges) {
  const Avoidance layer = layer_avoidance(farm, job, phase.plan->layer, worker);
  if (!layer.none()) return layer;
  const auto entry = phase.troubles.find(task);
  if (entry == phase.troubles.end()) return {};
  const FailureHistory& trouble = entry->second;
  if (const auto unseen = trouble.unseen.find(worker);
      unseen != trouble.unseen.end() && unseen->second.not_before > farm.now())
    return {Why::Unseen, unseen->second.not_before, nullptr};
  const std::size_t here = failures_on(trouble.record, worker);
  // With nobody left to judge, those that are set aside try whatever comes first.
  if (here > 0 && !judges.all().empty() && here > fewest_failures(trouble.record, judges.all()))
    return {Why::Elsewhere, {}, nullptr};
  return {};
}

std::vector<WorkerId> judges_among(const FarmState& farm, const JobEntry& job, std::uint32_t layer,
                                   const std::vector<WorkerId>& able) {
  std::vector<WorkerId> judges;
  for (const WorkerId id : able) {
    const HostStanding* standing = standing_of(job, layer, id);
    if ((standing == nullptr || !standing->aside) && !farm.workers.get(id).record.quarantined) judges.push_back(id);
  }
  return judges;
}

const std::vector<WorkerId>& Judges::all() const {
  if (!listed_) listed_ = judges_among(*farm_, *job_, layer_, able_workers(*farm_, class_));
  return *listed_;
}

std::optional<TaskIndex> task_for(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                  Grouping grouping, WorkerId worker, const Judges& judges, TaskIndex from) {
  if (!layer_avoidance(farm, job, phase.plan->layer, worker).none()) return std::nullopt;
  if (grouping == Grouping::Common) return 0;
  for (auto trouble = phase.troubles.lower_bound(from); trouble != phase.troubles.end(); ++trouble)
    if (trouble->second.grouping == grouping && phase.tasks.at(trouble->first) == TaskState::Ready &&
        task_avoidance(farm, job, phase, trouble->first, worker, judges).none())
      return trouble->first;
  return std::nullopt;
}

bool all_aside(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase) {
  const std::uint32_t layer = phase.plan->layer;
  if (phase.tasks.count(TaskState::Ready) == 0) return false;
  const std::vector<WorkerId>& able = able_workers(farm, phase.common_class);
  if (able.empty()) return false;
  if (judges_among(farm, job, layer, able).empty()) return true;
  // Nor can it go on where each of its tasks waits for an input that no worker sees.
  if (phase.ready_common() > 0 || phase.alone > 0) return false;
  return std::all_of(phase.troubles.begin(), phase.troubles.end(), [&](const auto& entry) {
    const FailureHistory& trouble = entry.second;
    if (trouble.grouping != Grouping::Single || phase.tasks.at(entry.first) != TaskState::Ready) return true;
    return std::all_of(able.begin(), able.end(), [&](WorkerId id) {
      const auto unseen = trouble.unseen.find(id);
      return unseen != trouble.unseen.end() && unseen->second.looks >= farm.settings.returns_max;
    });
  });
}

std::optional<StuckLayer> stuck_layer(const FarmState& farm, const JobEntry& job, std::uint32_t layer) {
  for (const StuckLayer& stuck : job.record.stuck)
    if (stuck.layer == layer) return stuck;
  if (const auto trouble = job.publish_troubles.find(layer);
      trouble != job.publish_troubles.end() && trouble->second.failures >= farm.settings.returns_max)
    return StuckLayer{layer, trouble->second.since, trouble->second.code, trouble->second.message};
  const bool held = std::any_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
    return phase.plan->layer == layer && all_aside(farm, job, phase);
  });
  if (!held) return std::nullopt;
  std::optional<StuckLayer> newest;
  for (auto at = job.hosts.lower_bound({layer, WorkerId{}}); at != job.hosts.end() && at->first.first == layer; ++at)
    if (at->second.aside && (!newest || newest->since.unix_ms < at->second.aside_since.unix_ms))
      newest = StuckLayer{layer, at->second.aside_since, at->second.code, at->second.message};
  return newest;
}

}  // namespace framemill::scheduler
