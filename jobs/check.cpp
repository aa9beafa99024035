#include "jobs/check.h"

#include <fmt/format.h>

#include "jobs/ordered_rate.h"
#include "jobs/output_names.h"
#include "jobs/plan.h"
#include "jobs/spec_table.h"

namespace framemill::jobs {
namespace {

std::string path(const JobSpec& spec, const LayerSpec& layer, std::uint32_t variant, Frame frame) {
  const auto name = resolve_output(
      layer.output, {spec.show, spec.sequence, layer.shot, layer.name, variant, spec.version.value_or(1)});
  return name.ok() ? frame_path(*name, frame) : std::string();
}

LayerCheck form_of(const JobSpec& spec, const LayerSpec& layer) {
  LayerCheck check;
  check.name = layer.name;
  check.shot = layer.shot;
  check.kind = layer.kind;
  check.root = layer.root;
  check.frames = layer.frames.text();
  check.frame_count = layer.frames.count();
  check.model = layer.model();
  check.variants = layer.variant_count();
  check.tasks = layer.task_count();
  const bool any = !layer.frames.empty();
  check.first_output = path(spec, layer, 0, any ? layer.frames.first() : 0);
  check.last_output = path(spec, layer, check.variants - 1, any ? layer.frames.last() : 0);
  return check;
}

void add_plan(const JobPlan& plan, std::vector<LayerCheck>& layers) {
  for (const PhasePlan& phase : plan.phases) {
    LayerCheck& layer = layers.at(phase.layer);
    if (!phase.traits().windowed) continue;
    if (phase.traits().intermediate) layer.windows = phase.task_count;
    layer.tasks = layer.tasks.value_or(0) + phase.task_count;
  }
}

// The phase whose grid is the layer's; nullptr for kinds without windows.
const PhasePlan* windows_of_layer(const JobPlan& plan, LayerIndex layer) {
  for (const PhasePlan& phase : plan.phases)
    if (phase.layer == layer && phase.traits().windowed && !phase.traits().intermediate) return &phase;
  return nullptr;
}

bool same_windows(const WindowGrid& a, const WindowGrid& b) {
  return a.origin == b.origin && a.window_frames == b.window_frames && a.context_frames == b.context_frames &&
         a.time_ratio == b.time_ratio;
}

// A chain begins where its shot range begins. Where nobody gave a range it is the span of all layers' frames, and the
// chain may have to be made from the far end of another layer's frames.
std::optional<SpecError> idle_windows(const JobSpec& spec, const JobPlan& plan, LayerIndex index) {
  const LayerSpec& layer = spec.layers[index];
  const PhasePlan* phase = windows_of_layer(plan, index);
  if (phase == nullptr || phase->windows.empty() || phase->grid.context_frames == 0) return std::nullopt;
  const std::uint32_t before = phase->windows.front().first;
  if (before == 0) return std::nullopt;
  const FrameSet& frames = layer.frames;
  return SpecError{
      "spec.idle_windows",
      {},
      {},
      fmt::format("layer[{}].frames", index),
      fmt::format("the chain \"{}\" begins at frame {}, where the frames of the job's layers begin, because no "
                  "shot_range is given: {} of its {} windows are made only to reach frame {}",
                  layer.name, layer.shot_range.first, before, phase->windows.back().end(), frames.first()),
      fmt::format("shot_range = \"{}-{}\" in the layer, or the range of the shot", frames.first(),
                  frames.last() - (frames.last() == layer.shot_range.last ? layer.handles : 0)),
      ""};
}

// The range and handles as a user writes them.
std::string range_as_written(const LayerSpec& layer) {
  const FrameSpan& range = layer.shot_range;
  std::string text = fmt::format("shot_range = \"{}-{}\"", range.first + layer.handles, range.last - layer.handles);
  if (layer.handles > 0) text += fmt::format(", handles = \"+{}\"", layer.handles);
  return text;
}

}  // namespace

std::vector<SpecError> plan_warnings(const ParsedSpec& parsed, const JobSpec& spec, const JobPlan& plan) {
  std::vector<SpecError> warnings;
  for (const LayerIndex layer : parsed.plans_left_out) {
    const PhasePlan* phase = windows_of_layer(plan, layer);
    if (phase == nullptr || phase->task_count < 2) continue;
    warnings.push_back({"spec.windows_not_connected",
                        {},
                        {},
                        fmt::format("layer[{}].plan", layer),
                        fmt::format("layer \"{}\" is made in {} windows of {} frames that do not connect: the picture "
                                    "changes from one to the next",
                                    spec.layers[layer].name, phase->task_count, phase->grid.window_frames),
                        "plan = \"chain\" for one continuous shot, or plan = \"independent\" if this is what you want",
                        ""});
  }
  for (const LayerIndex layer : parsed.ranges_left_out)
    if (auto warning = idle_windows(spec, plan, layer)) warnings.push_back(std::move(*warning));
  return warnings;
}

std::vector<SpecError> rate_warnings(const JobSpec& spec, const PackageCatalogue& packages) {
  std::vector<SpecError> warnings;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    if (!layer.makes_movie()) continue;
    if (ordered_rate(spec, layer, [&](const std::string& id) { return packages.find(id); })) continue;
    warnings.push_back({"spec.no_rate",
                        {},
                        {},
                        fmt::format("layer[{}].fps", i),
                        fmt::format("nothing gives layer \"{}\" a frame rate: the movie gets the framesPerSecond of "
                                    "its pictures, or 24 where they have none",
                                    layer.name),
                        "fps = 24, in the layer or in the job",
                        ""});
  }
  return warnings;
}

std::string sentence(const SpecError& warning) {
  std::string text = warning.field.empty() ? warning.message : warning.field + ": " + warning.message;
  if (!warning.expected.empty()) text += " (write " + warning.expected + ")";
  return text;
}

std::vector<std::string> grid_differences(const JobSpec& spec, const JobPlan& plan, const JobSpec& earlier,
                                          const JobPlan& earlier_plan, std::uint32_t earlier_version) {
  std::vector<std::string> sentences;
  for (LayerIndex i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const PhasePlan* now = windows_of_layer(plan, i);
    if (now == nullptr) continue;
    for (LayerIndex j = 0; j < earlier.layers.size(); ++j) {
      const LayerSpec& old = earlier.layers[j];
      if (old.name != layer.name || old.shot != layer.shot) continue;
      const PhasePlan* before = windows_of_layer(earlier_plan, j);
      if (before == nullptr || same_windows(now->grid, before->grid)) continue;
      if (now->frames.intersection(before->frames).empty()) continue;
      sentences.push_back(fmt::format(
          "layer[{}].frames: the windows of layer \"{}\" begin at frame {}, those of version {} at frame {}, so the same "
          "frames will look different (version {} had {})",
          i, layer.name, now->grid.origin, earlier_version, before->grid.origin, earlier_version,
          range_as_written(old)));
    }
  }
  return sentences;
}

void add_package_errors(const ParsedSpec& parsed, const PackageCatalogue& packages, std::vector<SpecError>& errors) {
  std::vector<SpecError> more = check_against_packages(parsed.readable, packages);
  locate(more, parsed.positions);
  for (SpecError& error : more) {
    // A model without its version is an error already; what the packages say of it completes that one.
    const auto told = std::find_if(errors.begin(), errors.end(), [&](const SpecError& other) {
      return error.code == "spec.unknown_model" && other.code == "spec.bad_model" && other.field == error.field;
    });
    if (told == errors.end()) {
      if (errors.size() < config::kFindingsMax) errors.push_back(std::move(error));
    } else if (!error.suggestion.empty()) {
      // In quotes where that is to be mended as well.
      told->suggestion =
          told->suggestion.empty() ? std::move(error.suggestion) : fmt::format("write \"{}\"", error.suggestion);
    } else {
      told->expected = std::move(error.expected);
    }
  }
}

CheckReport check_job(std::string_view text, SpecFormat format, const SpecOverrides& overrides,
                      const PackageCatalogue* packages) {
  ParsedSpec parsed = parse_spec(text, format, overrides);
  CheckReport report;
  report.errors = std::move(parsed.errors);
  report.spec = std::move(parsed.spec);
  if (!report.spec) {
    if (packages != nullptr) add_package_errors(parsed, *packages, report.errors);
    return report;
  }
  report.version_assumed = !report.spec->version;
  for (const LayerSpec& layer : report.spec->layers) report.layers.push_back(form_of(*report.spec, layer));
  if (packages == nullptr) return report;
  report.packages_checked = true;
  report.errors = check_against_packages(*report.spec, *packages);
  if (report.errors.empty()) {
    PlanResult planned = plan_job(*report.spec, report.spec->version.value_or(1), *packages);
    report.errors = std::move(planned.errors);
    if (planned.plan) {
      add_plan(*planned.plan, report.layers);
      report.warnings = plan_warnings(parsed, *report.spec, *planned.plan);
      for (SpecError& warning : rate_warnings(*report.spec, *packages)) report.warnings.push_back(std::move(warning));
    }
  }
  locate(report.errors, parsed.positions);
  locate(report.warnings, parsed.positions);
  return report;
}

}  // namespace framemill::jobs
