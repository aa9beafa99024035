#include "cli/check_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jobs/check.h"
#include "jobs/ordered_rate.h"
#include "jobs/window_shape.h"

namespace framemill::cli {
namespace {

namespace json = boost::json;

// Knows every model, and nothing of it: the least window that can be chained. With it output names can be told and
// compared without the packages, since they do not depend on windows.
class FormCatalogue final : public jobs::PackageCatalogue {
 public:
  explicit FormCatalogue(const jobs::JobSpec& spec) {
    for (const jobs::LayerSpec& layer : spec.layers)
      if (!layer.model().empty()) models_.push_back(facts_of(layer.model()));
  }
  const jobs::PackageFacts* find(std::string_view id) const override {
    const auto found =
        std::find_if(models_.begin(), models_.end(), [&](const jobs::PackageFacts& m) { return m.id() == id; });
    return found == models_.end() ? nullptr : &*found;
  }
  std::vector<std::string> ids() const override { return {}; }
  base::Status check_prompt(std::string_view, std::string_view) const override { return {}; }

 private:
  static jobs::PackageFacts facts_of(const std::string& id) {
    jobs::PackageFacts facts;
    const std::size_t at = std::min(id.find('@'), id.size());
    facts.name = id.substr(0, at);
    facts.version = at < id.size() ? id.substr(at + 1) : "";
    facts.window_frames = 2;
    facts.context_frames = 1;
    facts.width = facts.height = 64;
    facts.fps = 24;
    facts.default_steps = 1;
    facts.steps_max = 10'000;
    facts.guidance_max = 1000;
    facts.colour_space = "srgb";
    return facts;
  }
  std::vector<jobs::PackageFacts> models_;
};

OutputSummary output_of(const jobs::PhasePlan& phase) {
  const jobs::Frame first = phase.frames.empty() ? 0 : phase.frames.first();
  const jobs::Frame last = phase.frames.empty() ? 0 : phase.frames.last();
  return {phase.variant, phase.root, jobs::output_path(phase, first), jobs::output_path(phase, last)};
}

LayerSummary summary_of(const jobs::LayerSpec& spec, jobs::LayerIndex index, const jobs::JobPlan& plan,
                        bool with_packages) {
  LayerSummary layer{
      spec.name, std::string(jobs::name(spec.kind)), spec.shot, spec.frames.text(), spec.frames.count(), 1, {}, {}, {}};
  layer.variants = spec.variant_count();
  std::int64_t tasks = 0;
  for (const jobs::PhasePlan& phase : plan.phases) {
    if (phase.layer != index) continue;
    tasks += phase.task_count;
    if (phase.traits().intermediate) {
      if (with_packages) layer.windows = layer.windows.value_or(0) + phase.task_count;
    } else {
      layer.outputs.push_back(output_of(phase));
    }
  }
  if (with_packages || spec.model().empty()) layer.tasks = tasks;
  return layer;
}

void add_shape(const jobs::LayerSpec& layer, const jobs::PackageCatalogue& packages, LayerSummary& summary) {
  const jobs::PackageFacts* facts = packages.find(layer.model());
  if (facts == nullptr) return;
  const jobs::WindowShape shape = jobs::window_shape(*facts, layer.window());
  summary.size = shape.size.text();
  summary.window_frames = shape.frames;
}

// The rate of a movie, as far as it is known; that of packages that are not here is not.
std::string rate_of(const jobs::JobSpec& job, const jobs::LayerSpec& layer, const jobs::PackageCatalogue* packages) {
  if (!layer.makes_movie()) return {};
  const auto rate = jobs::ordered_rate(
      job, layer, [&](const std::string& id) { return packages != nullptr ? packages->find(id) : nullptr; });
  return rate ? rate->text() : std::string();
}

// Keys that are kept for what is to come, and change nothing yet.
std::vector<jobs::SpecError> keys_without_effect(const jobs::JobSpec& spec) {
  std::vector<jobs::SpecError> warnings;
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    if (spec.layers[i].reproducibility == jobs::Reproducibility::Fast)
      warnings.push_back({"spec.fast_is_stable",
                          {},
                          {},
                          fmt::format("layer[{}].reproducibility", i),
                          "\"fast\" does the same as \"stable\" for now",
                          {},
                          {}});
  return warnings;
}

// What its own times make impossible.
std::vector<jobs::SpecError> time_warnings(const jobs::JobSpec& spec) {
  if (!spec.deadline || !spec.start_after || *spec.start_after < *spec.deadline) return {};
  return {{"spec.start_after_deadline",
           {},
           {},
           "start_after",
           "the job may start only when its deadline has passed",
           {},
           "an earlier start_after, or a later deadline"}};
}

}  // namespace

CheckResult check_spec(std::string_view text, jobs::SpecFormat format, const jobs::SpecOverrides& overrides,
                       const jobs::PackageCatalogue* packages) {
  jobs::ParsedSpec parsed = jobs::parse_spec(text, format, overrides);
  if (!parsed.spec) {
    std::vector<jobs::SpecError> errors = parsed.errors;
    if (packages) jobs::add_package_errors(parsed, *packages, errors);
    return {std::nullopt, std::move(errors), {}};
  }
  const jobs::JobSpec& spec = *parsed.spec;
  const auto placed = [&](std::vector<jobs::SpecError> errors) {
    jobs::locate(errors, parsed.positions);
    return CheckResult{std::nullopt, std::move(errors), {}};
  };
  if (packages)
    if (auto errors = jobs::check_against_packages(spec, *packages); !errors.empty()) return placed(std::move(errors));
  const FormCatalogue form(spec);
  const jobs::PackageCatalogue& catalogue = packages ? *packages : form;
  jobs::PlanResult planned = jobs::plan_job(spec, spec.version.value_or(1), catalogue);
  if (!planned.plan) return placed(std::move(planned.errors));

  CheckSummary summary{spec.name, spec.show, spec.sequence, spec.shot, spec.version, packages != nullptr, {}};
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    summary.layers.push_back(
        summary_of(spec.layers[i], static_cast<jobs::LayerIndex>(i), *planned.plan, packages != nullptr));
    summary.layers.back().rate = rate_of(spec, spec.layers[i], packages);
    if (packages != nullptr) add_shape(spec.layers[i], *packages, summary.layers.back());
  }
  CheckResult result{std::move(summary), {}, {}};
  if (packages) result.warnings = jobs::plan_warnings(parsed, spec, *planned.plan);
  for (jobs::SpecError& warning : jobs::rate_warnings(spec, catalogue)) result.warnings.push_back(std::move(warning));
  for (jobs::SpecError& warning : keys_without_effect(spec)) result.warnings.push_back(std::move(warning));
  for (jobs::SpecError& warning : time_warnings(spec)) result.warnings.push_back(std::move(warning));
  jobs::locate(result.warnings, parsed.positions);
  return result;
}

json::object check_json(const CheckResult& result, std::string_view file) {
  json::object out{{"file", json::string_view(file.data(), file.size())},
                   {"errors", json::parse(jobs::errors_json(result.errors))},
                   {"warnings", json::parse(jobs::errors_json(result.warnings))}};
  json::array layers;
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? json::value(*value) : json::value();
  };
  for (const LayerSummary& layer : result.summary ? result.summary->layers : std::vector<LayerSummary>()) {
    json::array outputs;
    for (const OutputSummary& output : layer.outputs)
      outputs.push_back(json::object{
          {"variant", output.variant}, {"root", output.root}, {"first", output.first}, {"last", output.last}});
    layers.push_back(json::object{{"name", layer.name},
                                  {"kind", layer.kind},
                                  {"shot", layer.shot},
                                  {"frames", layer.frames},
                                  {"frame_count", layer.frame_count},
                                  {"variants", layer.variants},
                                  {"windows", number(layer.windows)},
                                  {"tasks", number(layer.tasks)},
                                  {"size", layer.size.empty() ? json::value() : json::value(layer.size)},
                                  {"window_frames", number(layer.window_frames)},
                                  {"fps", layer.rate.empty() ? json::value() : json::value(layer.rate)},
                                  {"outputs", std::move(outputs)}});
  }
  out["layers"] = std::move(layers);
  return out;
}

}  // namespace framemill::cli
