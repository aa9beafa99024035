// A plan while it is being made: what the planner keeps, and what the kinds of layers (jobs/kind.h) add to it. Private to
// jobs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/plan.h"

namespace framemill::jobs {

// Where a layer's phases stand in the plan: variant after variant.
struct LayerPhases {
  PhaseIndex first = 0;
  std::uint32_t variants = 1;
  std::uint32_t per_variant = 1;

  PhaseIndex first_of(std::uint32_t variant) const { return first + variant * per_variant; }
  PhaseIndex output(std::uint32_t variant) const { return first_of(variant) + per_variant - 1; }
};

std::uint32_t phases_per_variant(LayerKind kind);

// Which frames of an input one task reads: those around the frames that it writes.
struct TaskReach {
  FrameReach frames{true, 0, 0};
  bool one_task = true;  // it writes all of the layer's frames; else one of them
};

// Task t of `owner`, within from..to, needs the tasks t+lo..t+hi of `phase`.
struct LinearNeed {
  PhaseIndex owner = 0, phase = 0;
  TaskIndex from = 0, to = UINT32_MAX;
  std::int64_t lo = 0, hi = 0;
  bool is_context = false;
};

class PlanDraft {
 public:
  PlanDraft(const JobSpec& spec, std::uint32_t version, const PackageCatalogue& packages)
      : spec_(spec), version_(version), packages_(packages) {}

  const JobSpec& spec() const { return spec_; }
  const LayerSpec& layer(LayerIndex index) const { return spec_.layers[index]; }
  const PackageCatalogue& packages() const { return packages_; }
  const std::vector<PhasePlan>& phases() const { return plan_.phases; }
  // code without "spec."
  void fail(LayerIndex layer, std::string_view key, std::string code, std::string message, std::string expected = {},
            std::string suggestion = {});
  bool failed() const { return !errors_.empty(); }

  // A phase with everything but tasks, windows and needs; a fault where the output's name cannot be made.
  PhasePlan phase_of(LayerIndex layer, PhaseKind kind, std::uint32_t variant);
  void add_phase(PhasePlan phase) { plan_.phases.push_back(std::move(phase)); }
  void add_need(PhaseIndex owner, Need need) { plan_.phases[owner].needs.push_back(std::move(need)); }
  void add_need(const LinearNeed& linear);
  // All of what the input names that tasks make; files of a root are nobody's task.
  void add_input(LayerIndex layer, PhaseIndex owner, std::size_t input, const TaskReach& reach);
  // The phase that writes the files of a layer's variant; the spec is checked, so the layer is there.
  PhaseIndex output_of(std::string_view layer, std::uint32_t variant) const;

  // -- For the planner alone.
  void place_layers();
  const LayerPhases& place(LayerIndex layer) const { return places_[layer]; }
  void add_order(PhaseIndex owner, std::string_view after);
  void set_root_files(PhaseIndex phase, std::vector<RootFiles> files) {
    plan_.phases[phase].root_files = std::move(files);
  }
  PlanResult take();

 private:
  LayerIndex layer_index(std::string_view name) const;
  void select_frames(Need& need, const LayerSpec& reader, const LayerInput& input, const TaskReach& reach) const;

  const JobSpec& spec_;
  const std::uint32_t version_;
  const PackageCatalogue& packages_;
  std::vector<LayerPhases> places_;
  JobPlan plan_;
  std::vector<SpecError> errors_;
};

}  // namespace framemill::jobs
