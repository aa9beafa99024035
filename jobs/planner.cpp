// plan_job: a layer after the other through its kind, then what only all phases together show.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "jobs/kind.h"
#include "jobs/output_names.h"

namespace framemill::jobs {
namespace {

void check_size(PlanDraft& plan) {
  std::size_t window_runs = 0;
  for (const PhasePlan& phase : plan.phases()) window_runs += phase.windows.size();
  if (window_runs > kWindowRunsPerJobMax)
    plan.fail(0, "frames", "too_fragmented",
              fmt::format("the job's frames fall into more than {} separate runs of windows", kWindowRunsPerJobMax),
              "fewer gaps between the frames, or fewer variants");
}

void check_names(PlanDraft& plan) {
  std::vector<NamedOutput> outputs;
  for (const PhasePlan& phase : plan.phases())
    if (!phase.traits().intermediate) outputs.push_back({phase.layer, phase.root, phase.output_pattern, &phase.frames});
  for (const auto& [a, b] : colliding_outputs(outputs))
    plan.fail(outputs[b].layer, "output", "output_collision",
              fmt::format("\"{}\" and \"{}\" could give one name", outputs[a].resolved, outputs[b].resolved));
}

void add_needs(PlanDraft& plan, LayerIndex index) {
  const LayerSpec& layer = plan.layer(index);
  for (std::uint32_t variant = 0; variant < plan.place(index).variants; ++variant) {
    const PhaseIndex first = plan.place(index).first_of(variant);
    for (const std::string& after : layer.after) plan.add_order(first, after);
    plan.set_root_files(first, root_files_of(layer, plan.phases()[first]));
    kind_of(layer.kind).add_needs(plan, index, first);
  }
}

}  // namespace

PlanResult plan_job(const JobSpec& spec, std::uint32_t version, const PackageCatalogue& packages) {
  PlanDraft plan(spec, version, packages);
  plan.place_layers();
  if (!plan.failed())
    for (LayerIndex i = 0; i < spec.layers.size(); ++i) kind_of(spec.layers[i].kind).add_phases(plan, i);
  if (!plan.failed()) check_size(plan);
  if (!plan.failed()) check_names(plan);
  if (!plan.failed())
    for (LayerIndex i = 0; i < spec.layers.size(); ++i) add_needs(plan, i);
  return plan.take();
}

}  // namespace framemill::jobs
