#include "jobs/check.h"

#include "jobs/output_names.h"
#include "jobs/plan.h"
#include "jobs/spec_reader.h"

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
  if (const auto* work = std::get_if<GenerateSpec>(&layer.work)) {
    check.model = work->model;
    check.variants = static_cast<std::uint32_t>(work->variant_seeds.size());
  } else {
    check.tasks = layer.kind == LayerKind::Command ? static_cast<std::uint64_t>(check.frame_count) : 1;
  }
  const bool any = !layer.frames.empty();
  check.first_output = path(spec, layer, 0, any ? layer.frames.first() : 0);
  check.last_output = path(spec, layer, check.variants - 1, any ? layer.frames.last() : 0);
  return check;
}

void add_plan(const JobPlan& plan, std::vector<LayerCheck>& layers) {
  for (const PhasePlan& phase : plan.phases) {
    LayerCheck& layer = layers.at(phase.layer);
    if (layer.kind != LayerKind::Generate) continue;
    if (phase.kind == PhaseKind::Denoise) layer.windows = phase.task_count;
    layer.tasks = layer.tasks.value_or(0) + phase.task_count;
  }
}

}  // namespace

void add_package_errors(const ParsedSpec& parsed, const PackageCatalogue& packages, std::vector<SpecError>& errors) {
  std::vector<SpecError> more = check_against_packages(parsed.readable, packages);
  locate(more, parsed.positions);
  for (SpecError& error : more)
    if (errors.size() < kSpecErrorsMax) errors.push_back(std::move(error));
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
    if (planned.plan) add_plan(*planned.plan, report.layers);
  }
  locate(report.errors, parsed.positions);
  return report;
}

}  // namespace framemill::jobs
