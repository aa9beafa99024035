#include "jobs/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "jobs/nearest.h"
#include "jobs/output_names.h"

namespace framemill::jobs {
namespace {

// Where a layer's phases stand in the plan: variant after variant, two phases each for generate.
struct LayerPhases {
  PhaseIndex first = 0;
  std::uint32_t variants = 1;
  std::uint32_t per_variant = 1;

  PhaseIndex output(std::uint32_t variant) const { return first + variant * per_variant + per_variant - 1; }
};

class Planner {
 public:
  Planner(const JobSpec& spec, std::uint32_t version, const PackageCatalogue& packages)
      : spec_(spec), version_(version), packages_(packages) {}

  PlanResult run() {
    place_layers();
    if (errors_.empty())
      for (LayerIndex i = 0; i < spec_.layers.size(); ++i) add_layer(i);
    if (errors_.empty()) check_size();
    if (errors_.empty()) check_names();
    if (errors_.empty())
      for (LayerIndex i = 0; i < spec_.layers.size(); ++i) add_needs(i);
    if (!errors_.empty()) return {std::nullopt, std::move(errors_)};
    plan_.digest = plan_digest(plan_);
    return {std::move(plan_), {}};
  }

 private:
  void fail(LayerIndex layer, std::string_view key, std::string code, std::string message, std::string expected = {},
            std::string suggestion = {}) {
    errors_.push_back({"spec." + std::move(code), std::nullopt, std::nullopt, fmt::format("layer[{}].{}", layer, key),
                       std::move(message), std::move(expected), std::move(suggestion)});
  }

  void place_layers() {
    PhaseIndex next = 0;
    for (LayerIndex i = 0; i < spec_.layers.size(); ++i) {
      LayerPhases place{next, 1, 1};
      if (const auto* generate = std::get_if<GenerateSpec>(&spec_.layers[i].work))
        place = {next, static_cast<std::uint32_t>(generate->variant_seeds.size()), 2};
      next += place.variants * place.per_variant;
      places_.push_back(place);
      if (next > kPhasesMax) {
        fail(i, "variants", "too_large", fmt::format("the job has more than {} phases", kPhasesMax),
             "fewer layers or variants");
        return;
      }
    }
  }

  // A phase with everything but tasks, windows and needs.
  PhasePlan phase_of(LayerIndex index, PhaseKind kind, std::uint32_t variant) {
    const LayerSpec& layer = spec_.layers[index];
    PhasePlan phase;
    phase.kind = kind;
    phase.layer = index;
    phase.variant = variant;
    phase.root = layer.root;
    if (kind == PhaseKind::Denoise) return phase;
    if (layer.makes_frames()) phase.frames = layer.frames;
    auto name = resolve_output(layer.output, {spec_.show, spec_.sequence, layer.shot, layer.name, variant, version_});
    if (name.ok())
      phase.output_pattern = std::move(*name);
    else
      fail(index, "output", name.error().code.substr(5), name.error().message, name.error().hint);
    return phase;
  }

  void add_layer(LayerIndex index) {
    const LayerSpec& layer = spec_.layers[index];
    switch (layer.kind) {
      case LayerKind::Generate:
        return add_generate(index);
      case LayerKind::Command: {
        PhasePlan phase = phase_of(index, PhaseKind::Command, 0);
        phase.task_count = static_cast<std::uint32_t>(layer.frames.count());
        if (std::get<CommandSpec>(layer.work).one_task) {
          phase.frames_per_task = phase.task_count;
          phase.task_count = 1;
        }
        plan_.phases.push_back(std::move(phase));
        return;
      }
      case LayerKind::Encode:
      case LayerKind::Sheet: {
        PhasePlan phase = phase_of(index, layer.kind == LayerKind::Encode ? PhaseKind::Encode : PhaseKind::Sheet, 0);
        phase.task_count = 1;
        plan_.phases.push_back(std::move(phase));
        return;
      }
    }
  }

  void add_generate(LayerIndex index) {
    const LayerSpec& layer = spec_.layers[index];
    const auto& work = std::get<GenerateSpec>(layer.work);
    const PackageFacts* facts = packages_.find(work.model);
    if (facts == nullptr)
      return fail(index, "model", "unknown_model", fmt::format("there is no model package \"{}\"", work.model),
                  "a package that the farm has", nearest(work.model, packages_.ids()));
    std::string why;
    const auto grid = make_grid(*facts, work.plan, layer.shot_range, !layer.inputs.empty(), &why);
    if (!grid)
      return fail(index, "plan", "plan_not_supported",
                  fmt::format("{} cannot serve plan \"{}\": {}", work.model, name(work.plan), why));
    const auto selected = windows_of(*grid, layer.frames);
    if (!selected)
      return fail(index, "frames", "too_fragmented",
                  fmt::format("the frames fall into more than {} separate runs of windows", kWindowRunsMax),
                  "fewer gaps between the frames");
    // A chain starts at its first window whatever is selected: each window's start is the end of the one before.
    const bool chain = work.plan == PlanStrategy::Chain;
    const std::vector<TaskRange> denoised = chain ? std::vector<TaskRange>{{0, selected->back().end()}} : *selected;
    for (std::uint32_t variant = 0; variant < work.variant_seeds.size(); ++variant) {
      for (const PhaseKind kind : {PhaseKind::Denoise, PhaseKind::Decode}) {
        PhasePlan phase = phase_of(index, kind, variant);
        phase.seed = work.variant_seeds[variant];
        phase.grid = *grid;
        phase.windows = kind == PhaseKind::Denoise ? denoised : *selected;
        for (const TaskRange& run : phase.windows) phase.task_count += run.count;
        window_runs_ += phase.windows.size();
        plan_.phases.push_back(std::move(phase));
      }
    }
  }

  void check_size() {
    if (window_runs_ > kWindowRunsPerJobMax)
      fail(0, "frames", "too_fragmented",
           fmt::format("the job's frames fall into more than {} separate runs of windows", kWindowRunsPerJobMax),
           "fewer gaps between the frames, or fewer variants");
  }

  void check_names() {
    std::vector<NamedOutput> outputs;
    for (const PhasePlan& phase : plan_.phases)
      if (phase.kind != PhaseKind::Denoise)
        outputs.push_back({phase.layer, phase.root, phase.output_pattern, &phase.frames});
    for (const auto& [a, b] : colliding_outputs(outputs))
      fail(outputs[b].layer, "output", "output_collision",
           fmt::format("\"{}\" and \"{}\" could give one name", outputs[a].resolved, outputs[b].resolved));
  }

  void add_needs(LayerIndex index) {
    const LayerSpec& layer = spec_.layers[index];
    const LayerPhases& place = places_[index];
    for (std::uint32_t variant = 0; variant < place.variants; ++variant) {
      const PhaseIndex first = place.first + variant * place.per_variant;
      for (const std::string& after : layer.after) add_order(first, after);
      plan_.phases[first].root_files = root_files_of(layer, plan_.phases[first]);
      if (layer.kind != LayerKind::Generate) {
        for (std::size_t i = 0; i < layer.inputs.size(); ++i) add_input(index, first, i);
        continue;
      }
      if (!layer.inputs.empty()) add_context(index, first);
      if (plan_.phases[first].grid.context_frames > 0)
        add({.owner = first, .phase = first, .from = 1, .lo = -1, .hi = -1, .is_context = true});
      add_decode_needs(first);
    }
  }

  struct LinearNeed {
    PhaseIndex owner, phase;
    TaskIndex from = 0, to = UINT32_MAX;
    std::int64_t lo = 0, hi = 0;
    bool is_context = false;
  };
  void add(const LinearNeed& linear) {
    Need need;
    need.phase = linear.phase;
    need.applies_first = linear.from;
    need.applies_last = linear.to;
    need.lo = linear.lo;
    need.hi = linear.hi;
    need.reads_files = true;
    need.is_context = linear.is_context;
    plan_.phases[linear.owner].needs.push_back(need);
  }

  // Decoding needs the same window's latents. Where the phases hold different windows (a subset of a chain) each run of
  // windows has its own offset.
  void add_decode_needs(PhaseIndex denoise) {
    const PhasePlan& latents = plan_.phases[denoise];
    const PhasePlan& decode = plan_.phases[denoise + 1];
    if (latents.windows == decode.windows) return add({.owner = denoise + 1, .phase = denoise});
    const std::vector<TaskRange> runs = decode.windows;
    TaskIndex task = 0;
    for (const TaskRange& run : runs) {
      const std::int64_t offset = std::int64_t{window_task(latents, run.first).value()} - task;
      add({.owner = denoise + 1,
           .phase = denoise,
           .from = task,
           .to = task + run.count - 1,
           .lo = offset,
           .hi = offset});
      task += run.count;
    }
  }

  LayerIndex layer_index(std::string_view layer_name) const {
    for (LayerIndex i = 0; i < spec_.layers.size(); ++i)
      if (spec_.layers[i].name == layer_name) return i;
    FM_CHECK(false, "a checked spec names a layer that it does not have");
    return 0;
  }

  void add_order(PhaseIndex owner, std::string_view after) {
    const LayerPhases& place = places_[layer_index(after)];
    for (std::uint32_t variant = 0; variant < place.variants; ++variant) {
      Need need;
      need.phase = place.output(variant);
      need.form = Need::Form::All;
      plan_.phases[owner].needs.push_back(need);
    }
  }

  // Everything the input names, for encode, sheet and command.
  void add_input(LayerIndex index, PhaseIndex owner, std::size_t input_index) {
    const LayerInput& input = spec_.layers[index].inputs[input_index];
    if (input.layer.empty()) return;  // files of a root: no task makes them
    const LayerPhases& place = places_[layer_index(input.layer)];
    const bool all_variants = !input.variant && spec_.layers[index].kind == LayerKind::Sheet;
    const std::uint32_t from = input.variant.value_or(0);
    const std::uint32_t to = all_variants ? place.variants - 1 : from;
    for (std::uint32_t variant = from; variant <= to; ++variant) {
      Need need;
      need.phase = place.output(variant);
      need.form = Need::Form::All;
      need.reads_files = true;
      need.input = static_cast<std::int32_t>(input_index);
      select_frames(need, spec_.layers[index], input);
      plan_.phases[owner].needs.push_back(need);
    }
  }

  // Which of the source's frames the input names, and a command's task of them: it waits for no others.
  void select_frames(Need& need, const LayerSpec& reader, const LayerInput& input) {
    const PhasePlan& source = plan_.phases[need.phase];
    if (source.frames.empty()) return;  // one file
    FrameSet chosen = input.frames.value_or(source.frames);
    const auto* command = std::get_if<CommandSpec>(&reader.work);
    if (command != nullptr && !command->needs_frames.all) {
      const FrameReach& reach = command->needs_frames;
      if (!command->one_task) {
        need.form = Need::Form::Frames;
        need.lo = reach.lo;
        need.hi = reach.hi;
        if (chosen != source.frames) need.frames = std::move(chosen);
        return;
      }
      chosen = chosen.intersection(reader.frames.neighbours(reach.lo, reach.hi));
    }
    if (chosen == source.frames || chosen.empty()) return;
    need.form = Need::Form::Range;
    need.range = tasks_of_frames(source, chosen.first(), chosen.last());
    need.frames = std::move(chosen);
  }

  // The last frames of a generate layer's input are what its first window starts from.
  void add_context(LayerIndex index, PhaseIndex denoise) {
    const LayerInput& input = spec_.layers[index].inputs.front();
    const PhasePlan* source = nullptr;
    Need need;
    if (!input.layer.empty()) {
      need.phase = places_[layer_index(input.layer)].output(input.variant.value_or(0));
      source = &plan_.phases[need.phase];
    }
    const FrameSet& offered = input.frames ? *input.frames : source->frames;
    const std::int32_t wanted = plan_.phases[denoise].grid.context_frames;
    if (offered.count() < wanted || !offered.includes(FrameSet(offered.last() - wanted + 1, offered.last())))
      return fail(
          index, "input[0].frames", "input_too_short",
          fmt::format("the first window starts from the input's last {} frames, and \"{}\" does not end in that "
                      "many neighbours",
                      wanted, offered.text()));
    if (source == nullptr) return;
    need.applies_last = 0;
    need.form = Need::Form::Range;
    need.frames = FrameSet(offered.last() - wanted + 1, offered.last());
    need.range = tasks_of_frames(*source, need.frames.first(), need.frames.last());
    need.reads_files = true;
    need.is_context = true;
    need.input = 0;
    plan_.phases[denoise].needs.push_back(need);
  }

  const JobSpec& spec_;
  const std::uint32_t version_;
  const PackageCatalogue& packages_;
  std::vector<LayerPhases> places_;
  std::size_t window_runs_ = 0;
  JobPlan plan_;
  std::vector<SpecError> errors_;
};

}  // namespace

PlanResult plan_job(const JobSpec& spec, std::uint32_t version, const PackageCatalogue& packages) {
  return Planner(spec, version, packages).run();
}

}  // namespace framemill::jobs
