// Layers that a model makes: windows of latents from a seed and a prompt (denoise), then their frames (decode).
#include <fmt/format.h>

#include <array>
#include <set>

#include "base/nearest.h"
#include "config/text_rules.h"
#include "jobs/kinds/kinds.h"
#include "jobs/spec_json.h"
#include "jobs/window_shape.h"

namespace framemill::jobs {
namespace {

void read_model(SpecTable& table, GenerateSpec& work) {
  table.require("model", "a package such as demo-clips@1");
  const auto model = table.text("model", TextRule::Line);
  if (!model) return;
  const std::size_t at = model->find('@');
  const bool good =
      at != std::string::npos && is_safe_word(model->substr(0, at)) && is_safe_word(model->substr(at + 1));
  // A name without its version is kept, so that the package that was meant can be found.
  if (good || is_safe_word(*model)) work.model = *model;
  if (!good)
    table.fail("model", "bad_model", fmt::format("\"{}\" does not name a model package", printable(*model)),
               "name@version, as in demo-clips@1");
}

// `variants = N` takes seed, seed+1 ..; a list names the seeds.
void read_variants(SpecTable& table, GenerateSpec& work) {
  const Node* variants = table.take("variants");
  if (variants != nullptr && variants->type == Node::Type::Array) {
    if (variants->items.empty() || variants->items.size() > kVariantsMax)
      return table.fail("variants", "out_of_range", fmt::format("{} variants", variants->items.size()),
                        fmt::format("1 to {} seeds", kVariantsMax));
    if (table.has("seed"))
      return table.fail("variants", "conflicting_keys", "a list of variants names its seeds, and \"seed\" is given too",
                        "one of the two");
    std::set<std::uint64_t> seen;
    for (const Node& item : variants->items) {
      if (item.type == Node::Type::BigInteger)
        return table.fail("variants", "out_of_range", fmt::format("{} is not a seed", printable(item.text)),
                          fmt::format("integers, 0 to {}", INT64_MAX));
      if (item.type != Node::Type::Integer)
        return table.fail("variants", "wrong_type", fmt::format("a seed is {}", config::name(item.type)),
                          "a seed is an integer, 0 or more");
      if (item.integer < 0)
        return table.fail("variants", "out_of_range", fmt::format("{} is not a seed", item.integer),
                          "a seed is an integer, 0 or more");
      if (!seen.insert(static_cast<std::uint64_t>(item.integer)).second)
        return table.fail("variants", "duplicate_seed", fmt::format("seed {} is given twice", item.integer),
                          "give each variant its own seed");
      work.variant_seeds.push_back(static_cast<std::uint64_t>(item.integer));
    }
    work.seed = work.variant_seeds.front();
    return;
  }
  const auto count = table.integer("variants", 1, kVariantsMax).value_or(1);
  if (work.seed > static_cast<std::uint64_t>(INT64_MAX) - static_cast<std::uint64_t>(count - 1))
    return table.fail("seed", "out_of_range", "the last variant's seed is beyond 2^63-1", "a smaller seed");
  for (std::int64_t i = 0; i < count; ++i) work.variant_seeds.push_back(work.seed + static_cast<std::uint64_t>(i));
}

GenerateSpec read_generate(SpecTable& table) {
  GenerateSpec work;
  read_model(table, work);
  work.prompt = table.text("prompt", TextRule::Prose).value_or("");
  work.negative_prompt = table.text("negative_prompt", TextRule::Prose).value_or("");
  work.seed = static_cast<std::uint64_t>(table.integer("seed", 0, INT64_MAX).value_or(1));
  if (const auto steps = table.integer("steps", 1, 10'000)) work.steps = static_cast<std::uint32_t>(*steps);
  work.guidance = table.number("guidance", 0, 1'000);
  work.window.size = read_picture_size(table);
  if (const auto frames = table.integer("window", 1, 4'096)) work.window.frames = static_cast<std::int32_t>(*frames);
  work.window.fps = read_rate(table, "fps");
  work.plan = table.choice_of("plan", {PlanStrategy::Independent, PlanStrategy::Chain}).value_or(work.plan);
  work.format = table.choice_of("format", {FrameFormat::Exr, FrameFormat::Png}).value_or(work.format);
  read_variants(table, work);
  return work;
}

constexpr std::array<std::string_view, 12> kGenerateKeys{"model",    "prompt", "negative_prompt", "seed",   "steps",
                                                         "guidance", "plan",   "variants",        "format", "size",
                                                         "window",   "fps"};

// Decoding needs the same window's latents. Where the phases hold different windows (a subset of a chain) each run of
// windows has its own offset.
void add_decode_needs(PlanDraft& plan, PhaseIndex denoise) {
  const PhasePlan& latents = plan.phases()[denoise];
  const PhasePlan& decode = plan.phases()[denoise + 1];
  if (latents.windows == decode.windows) return plan.add_need({.owner = denoise + 1, .phase = denoise});
  const std::vector<TaskRange> runs = decode.windows;
  TaskIndex task = 0;
  for (const TaskRange& run : runs) {
    const std::int64_t offset = std::int64_t{window_task(latents, run.first).value()} - task;
    plan.add_need(
        {.owner = denoise + 1, .phase = denoise, .from = task, .to = task + run.count - 1, .lo = offset, .hi = offset});
    task += run.count;
  }
}

// The last frames of the layer's input are what its first window starts from.
void add_context(PlanDraft& plan, LayerIndex index, PhaseIndex denoise) {
  const LayerInput& input = plan.layer(index).inputs.front();
  const PhasePlan* source = nullptr;
  Need need;
  if (!input.layer.empty()) {
    need.phase = plan.output_of(input.layer, input.variant.value_or(0));
    source = &plan.phases()[need.phase];
  }
  const FrameSet& offered = input.frames ? *input.frames : source->frames;
  const std::int32_t wanted = plan.phases()[denoise].grid.context_frames;
  if (offered.count() < wanted || !offered.includes(FrameSet(offered.last() - wanted + 1, offered.last())))
    return plan.fail(
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
  plan.add_need(denoise, std::move(need));
}

class Generate final : public Kind {
 public:
  std::span<const std::string_view> keys() const override { return kGenerateKeys; }
  Work read(SpecTable& table) const override { return read_generate(table); }

  std::string default_output(const LayerSpec& layer) const override {
    return frames_output(jobs::name(std::get<GenerateSpec>(layer.work).format));
  }
  std::string_view ending(const LayerSpec& layer) const override {
    return std::get<GenerateSpec>(layer.work).format == FrameFormat::Exr ? ".exr" : ".png";
  }

  void check(const LayerDraft& layer, const DraftLayers&, const JobDraft&, Findings& errors) const override {
    const SpecTable table = layer.reader(errors);
    const LayerSpec& spec = layer.layer;
    if (spec.inputs.size() > 1)
      table.fail("input", "too_many_inputs", "a generate layer starts from one input", "one element");
    if (!spec.inputs.empty() && std::get<GenerateSpec>(spec.work).plan != PlanStrategy::Chain)
      table.fail("input", "input_needs_chain", "only the first window of a chain starts from an input",
                 "plan = \"chain\"");
    if (!spec.inputs.empty() && !spec.inputs[0].pattern.empty() && !spec.inputs[0].frames)
      table.fail("input[0].frames", "missing_key", "say which frames the first window starts from");
  }

  // A layer without a prompt goes on with that of the layer it starts from.
  void inherit(LayerDraft& layer, const DraftLayers& layers, Findings& errors) const override {
    if (layer.node->find("prompt") != nullptr) return;
    const auto starts_from = [&layers](const LayerDraft& reader) -> const LayerDraft* {
      return reader.layer.inputs.empty() ? nullptr : layers.find(reader.layer.inputs.front().layer);
    };
    const LayerDraft* source = starts_from(layer);
    for (std::size_t i = 0; i < kLayersMax && source != nullptr && source->node->find("prompt") == nullptr; ++i)
      source = starts_from(*source);
    const auto* other = source == nullptr ? nullptr : std::get_if<GenerateSpec>(&source->layer.work);
    if (other == nullptr || source->node->find("prompt") == nullptr)
      return layer.reader(errors).fail("prompt", "missing_key", "\"prompt\" is missing",
                                       "what the pictures show; or an input of a layer that has a prompt");
    auto& work = std::get<GenerateSpec>(layer.layer.work);
    work.prompt = other->prompt;
    if (layer.node->find("negative_prompt") == nullptr) work.negative_prompt = other->negative_prompt;
  }

  void add_phases(PlanDraft& plan, LayerIndex index) const override {
    const LayerSpec& layer = plan.layer(index);
    const auto& work = std::get<GenerateSpec>(layer.work);
    const PackageFacts* facts = plan.packages().find(work.model);
    if (facts == nullptr)
      return plan.fail(index, "model", "unknown_model", fmt::format("unknown model package \"{}\"", work.model),
                       "a package that the farm has", base::nearest(work.model, plan.packages().ids()));
    std::string why;
    PackageFacts chosen = *facts;
    chosen.window_frames = window_shape(*facts, work.window).frames;
    const auto grid = make_grid(chosen, work.plan, layer.shot_range, !layer.inputs.empty(), &why);
    if (!grid)
      return plan.fail(index, "plan", "plan_not_supported",
                       fmt::format("{} cannot serve plan \"{}\": {}", work.model, jobs::name(work.plan), why));
    const auto selected = windows_of(*grid, layer.frames);
    if (!selected)
      return plan.fail(index, "frames", "too_fragmented",
                       fmt::format("the frames fall into more than {} separate runs of windows", kWindowRunsMax),
                       "fewer gaps between the frames");
    // A chain starts at its first window whatever is selected: each window's start is the end of the one before.
    const bool chain = work.plan == PlanStrategy::Chain;
    const std::vector<TaskRange> denoised = chain ? std::vector<TaskRange>{{0, selected->back().end()}} : *selected;
    for (std::uint32_t variant = 0; variant < work.variant_seeds.size(); ++variant) {
      for (const PhaseKind kind : {PhaseKind::Denoise, PhaseKind::Decode}) {
        PhasePlan phase = plan.phase_of(index, kind, variant);
        phase.seed = work.variant_seeds[variant];
        phase.grid = *grid;
        phase.windows = kind == PhaseKind::Denoise ? denoised : *selected;
        for (const TaskRange& run : phase.windows) phase.task_count += run.count;
        plan.add_phase(std::move(phase));
      }
    }
  }

  void add_needs(PlanDraft& plan, LayerIndex index, PhaseIndex first) const override {
    if (!plan.layer(index).inputs.empty()) add_context(plan, index, first);
    if (plan.phases()[first].grid.context_frames > 0)
      plan.add_need({.owner = first, .phase = first, .from = 1, .lo = -1, .hi = -1, .is_context = true});
    add_decode_needs(plan, first);
  }

  void write(boost::json::object& out, const LayerSpec& layer) const override {
    const auto& work = std::get<GenerateSpec>(layer.work);
    out["model"] = work.model;
    out["prompt"] = work.prompt;
    out["negative_prompt"] = work.negative_prompt;
    if (work.steps) out["steps"] = *work.steps;
    if (work.guidance) out["guidance"] = *work.guidance;
    if (work.window.size) out["size"] = work.window.size->text();
    if (work.window.frames) out["window"] = *work.window.frames;
    if (work.window.fps) out["fps"] = rate_json(*work.window.fps);
    out["plan"] = jobs::name(work.plan);
    boost::json::array seeds;
    for (const std::uint64_t seed : work.variant_seeds) seeds.emplace_back(seed);
    out["variants"] = std::move(seeds);
    out["format"] = jobs::name(work.format);
  }
};

}  // namespace

const Kind& generate_kind() {
  static const Generate kind;
  return kind;
}

}  // namespace framemill::jobs
