#include "jobs/plan_draft.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "jobs/output_names.h"

namespace framemill::jobs {

std::uint32_t phases_per_variant(LayerKind kind) {
  return traits(kind).first_phase == traits(kind).output_phase ? 1 : 2;
}

void PlanDraft::fail(LayerIndex layer, std::string_view key, std::string code, std::string message,
                     std::string expected, std::string suggestion) {
  errors_.push_back({"spec." + std::move(code), std::nullopt, std::nullopt, fmt::format("layer[{}].{}", layer, key),
                     std::move(message), std::move(expected), std::move(suggestion)});
}

void PlanDraft::place_layers() {
  PhaseIndex next = 0;
  for (LayerIndex i = 0; i < spec_.layers.size(); ++i) {
    const LayerSpec& of = spec_.layers[i];
    const LayerPhases place{next, of.variant_count(), phases_per_variant(of.kind)};
    next += place.variants * place.per_variant;
    places_.push_back(place);
    if (next > kPhasesMax)
      return fail(i, "variants", "too_large", fmt::format("the job has more than {} phases", kPhasesMax),
                  "fewer layers or variants");
  }
}

PhasePlan PlanDraft::phase_of(LayerIndex index, PhaseKind kind, std::uint32_t variant) {
  const LayerSpec& of = spec_.layers[index];
  PhasePlan phase;
  phase.kind = kind;
  phase.layer = index;
  phase.variant = variant;
  phase.root = of.root;
  if (phase.traits().intermediate) return phase;
  if (of.makes_frames()) phase.frames = of.frames;
  auto name = resolve_output(of.output, {spec_.show, spec_.sequence, of.shot, of.name, variant, version_});
  if (name.ok())
    phase.output_pattern = std::move(*name);
  else
    fail(index, "output", name.error().code.substr(5), name.error().message, name.error().hint);
  return phase;
}

void PlanDraft::add_need(const LinearNeed& linear) {
  Need need;
  need.phase = linear.phase;
  need.applies_first = linear.from;
  need.applies_last = linear.to;
  need.lo = linear.lo;
  need.hi = linear.hi;
  need.reads_files = true;
  need.is_context = linear.is_context;
  add_need(linear.owner, std::move(need));
}

void PlanDraft::add_order(PhaseIndex owner, std::string_view after) {
  const LayerPhases& from = places_[layer_index(after)];
  for (std::uint32_t variant = 0; variant < from.variants; ++variant) {
    Need need;
    need.phase = from.output(variant);
    need.form = Need::Form::All;
    add_need(owner, std::move(need));
  }
}

void PlanDraft::add_input(LayerIndex index, PhaseIndex owner, std::size_t input_index, const TaskReach& reach) {
  const LayerSpec& reader = spec_.layers[index];
  const LayerInput& input = reader.inputs[input_index];
  if (input.layer.empty()) return;
  const LayerPhases& source = places_[layer_index(input.layer)];
  const bool all_variants = !input.variant && traits(reader.kind).reads_all_variants;
  const std::uint32_t from = input.variant.value_or(0);
  const std::uint32_t to = all_variants ? source.variants - 1 : from;
  for (std::uint32_t variant = from; variant <= to; ++variant) {
    Need need;
    need.phase = source.output(variant);
    need.form = Need::Form::All;
    need.reads_files = true;
    need.input = static_cast<std::int32_t>(input_index);
    select_frames(need, reader, input, reach);
    add_need(owner, std::move(need));
  }
}

// Which of the source's frames the input names, and a task of the reader of them: it waits for no others.
void PlanDraft::select_frames(Need& need, const LayerSpec& reader, const LayerInput& input,
                              const TaskReach& reach) const {
  const PhasePlan& source = plan_.phases[need.phase];
  if (source.frames.empty()) return;  // one file
  FrameSet chosen = input.frames.value_or(source.frames);
  if (!reach.frames.all) {
    if (!reach.one_task) {
      need.form = Need::Form::Frames;
      need.lo = reach.frames.lo;
      need.hi = reach.frames.hi;
      if (chosen != source.frames) need.frames = std::move(chosen);
      return;
    }
    chosen = chosen.intersection(reader.frames.neighbours(reach.frames.lo, reach.frames.hi));
  }
  if (chosen == source.frames || chosen.empty()) return;
  need.form = Need::Form::Range;
  need.range = tasks_of_frames(source, chosen.first(), chosen.last());
  need.frames = std::move(chosen);
}

PhaseIndex PlanDraft::output_of(std::string_view name, std::uint32_t variant) const {
  return places_[layer_index(name)].output(variant);
}

LayerIndex PlanDraft::layer_index(std::string_view name) const {
  for (LayerIndex i = 0; i < spec_.layers.size(); ++i)
    if (spec_.layers[i].name == name) return i;
  FM_CHECK(false, "a checked spec names a layer that it does not have");
  return 0;
}

PlanResult PlanDraft::take() {
  if (failed()) return {std::nullopt, std::move(errors_)};
  plan_.digest = plan_digest(plan_);
  return {std::move(plan_), {}};
}

}  // namespace framemill::jobs
