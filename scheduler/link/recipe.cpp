#include "scheduler/link/recipe.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "base/digest_bytes.h"
#include "jobs/manifest_groups.h"
#include "scheduler/core/policy/remake_contents.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/link/recipe_kinds.h"
#include "wire/farm.pb.h"

namespace framemill::scheduler {
namespace {

using jobs::PhasePlan;

// By jobs::LayerKind.
constexpr std::array<WriteWork, jobs::kLayerKindCount> kWriters{write_generate, write_command, write_encode,
                                                                write_sheet};

void write_grid(const PhasePlan& phase, wire::Recipe& out) {
  wire::Grid& grid = *out.mutable_grid();
  grid.set_origin(phase.grid.origin);
  grid.set_window_frames(phase.grid.window_frames);
  grid.set_context_frames(phase.grid.context_frames);
  grid.set_time_ratio_mul(phase.grid.time_ratio.mul);
  grid.set_time_ratio_add(phase.grid.time_ratio.add);
  grid.set_window_count(phase.grid.window_count);
  for (const TaskRange& span : phase.windows) {
    wire::WindowSpan& window = *out.add_windows();
    window.set_first(span.first);
    window.set_count(span.count);
  }
}

}  // namespace

void write_recipe(const JobRecord& job, jobs::PhaseIndex index, wire::Recipe& out) {
  const PhasePlan& phase = job.plan->phases[index];
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  out.set_show(job.spec->show);
  out.set_sequence(job.spec->sequence);
  out.set_shot(layer.shot);
  out.set_layer(layer.name);
  out.set_variant(phase.variant);
  out.set_seed(phase.seed);
  out.set_version(job.version);
  out.set_reproducibility(std::string(jobs::name(layer.reproducibility)));
  out.set_root(phase.root);
  out.set_output_printf(phase.output_pattern);
  // Also where one file is made of all frames, and the phase has none of its own: arguments speak of those it is given.
  out.set_frames(phase.traits().writes_frames ? layer.frames.text() : std::string());
  out.set_frames_per_task(phase.frames_per_task);
  out.set_unchecked(layer.check == jobs::OutputCheck::None);
  out.set_plan_digest(base::raw_bytes(job.plan->digest));
  write_grid(phase, out);
  kWriters.at(static_cast<std::size_t>(layer.kind))({job, index}, out);
  // The job's plan digest names the whole job; a recipe's digest must not change with the layers beside it.
  wire::Recipe pixels = out;
  pixels.clear_plan_digest();
  pixels.clear_recipe_digest();
  pixels.clear_version();
  pixels.clear_output_printf();
  out.set_recipe_digest(base::raw_bytes(base::sha256(pixels.SerializeAsString())));
}

void write_manifest_order(const JobRecord& job, std::uint32_t number, const TaskRuns& runs_of,
                          wire::ManifestOrder& out) {
  const std::vector<jobs::ManifestGroup> groups = jobs::manifest_groups(*job.plan);
  FM_CHECK(number < groups.size(), "a manifest that the plan does not have");
  const jobs::ManifestGroup& group = groups[number];
  out.set_job(job.id.value);
  out.set_number(number);
  out.set_root(group.root);
  out.set_directory(group.directory);
  out.set_version(job.version);
  out.set_submitted_unix_ms(job.submitted.time.unix_ms);
  out.set_plan_digest(base::raw_bytes(job.plan->digest));
  std::optional<jobs::LayerIndex> last;
  for (const jobs::PhaseIndex index : group.phases) {
    const PhasePlan& phase = job.plan->phases[index];
    if (last != phase.layer) {
      last = phase.layer;
      const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
      wire::ManifestLayer& entry = *out.add_layers();
      entry.set_name(layer.name);
      entry.set_model(layer.model());
      if (const auto* facts = package_of(job, layer.model()))
        entry.set_model_digest(base::raw_bytes(facts->root_digest));
    }
    wire::ManifestPart& part = *out.add_parts();
    part.set_phase(index);
    part.set_layer(static_cast<std::uint32_t>(out.layers_size() - 1));
    part.set_variant(phase.variant);
    part.set_seed(phase.seed);
    for (const StateRun& run : runs_of({job.id, index}))
      if (run.state == TaskState::Published) part.set_tasks(part.tasks() + run.tasks.count);
    out.set_revision(out.revision() + part.tasks());
  }
}

void write_file(const FileRecord& file, wire::OutputFile& out) {
  out.set_kind(static_cast<wire::OutputFile::Kind>(file.kind));
  out.set_staged(file.staged);
  out.set_path(file.path);
  out.set_size_bytes(file.size_bytes);
  out.set_sha256(base::raw_bytes(file.sha256));
  out.set_samples_sha256(base::raw_bytes(file.samples_sha256));
  out.set_frame(file.frame);
}

void write_remake(const JobRecord& remake, const RemakeRecord& remade, const JobRecord* first, wire::Remake& out) {
  out.set_job(remade.of.value);
  for (const FileRecord& file : remade.before) write_file(file, *out.add_before());
  const PhasePlan& phase = remake.plan->phases[remade.phase.index];
  out.set_keep_intact(remake.spec->layers[phase.layer].reproducibility == jobs::Reproducibility::Exact &&
                      compared(remade) == RemakeOutcome::Differs);
  if (first == nullptr) return;
  out.set_submitted_unix_ms(first->submitted.time.unix_ms);
  for (const jobs::ManifestGroup& group : jobs::manifest_groups(*remake.plan))
    if (std::find(group.phases.begin(), group.phases.end(), remade.phase.index) != group.phases.end()) {
      out.set_has_manifest(true);
      out.set_manifest_directory(group.directory);
    }
}

std::vector<WantedInput> wanted_inputs(const JobRecord& job, jobs::PhaseIndex index, TaskRange tasks) {
  const jobs::JobPlan& plan = *job.plan;
  const PhasePlan& phase = plan.phases[index];
  std::vector<WantedInput> wanted;
  for (const jobs::Need& need : phase.needs) {
    if (!need.reads_files) continue;
    const PhasePlan& needed = plan.phases[need.phase];
    const auto add = [&](TaskRange range, TaskIndex reader, bool all) {
      wanted.push_back({{job.id, need.phase},
                        range,
                        reader,
                        all,
                        need.is_context,
                        jobs::frames_wanted(need, phase, reader),
                        static_cast<std::uint32_t>(std::max(need.input, 0))});
    };
    const bool same_for_all =
        need.form == jobs::Need::Form::All || (need.form == jobs::Need::Form::Range && need.applies_last == UINT32_MAX);
    if (same_for_all) {
      add(jobs::tasks_needed(need, phase, tasks.first, needed), tasks.first, true);
      continue;
    }
    for (TaskIndex t = tasks.first; t < tasks.end(); ++t) {
      const TaskRange range = jobs::tasks_needed(need, phase, t, needed);
      if (!range.empty() && (need.phase != index || range.first < tasks.first)) add(range, t, false);
    }
  }
  return wanted;
}

void write_input(const JobRecord& job, const WantedInput& wanted, const CommittedFiles& committed, wire::Grant& out) {
  const PhasePlan& source = job.plan->phases[wanted.phase.index];
  const jobs::LayerSpec& layer = job.spec->layers[source.layer];
  const bool latents = source.traits().intermediate;
  for (const FileRecord& file : committed.files) {
    const bool file_is_latents = file.kind == wire::OutputFile::LATENTS;
    if (latents != file_is_latents) continue;
    if (!latents && !wanted.frames.empty() && !wanted.frames.contains(file.frame)) continue;
    wire::InputFile& entry = *out.add_inputs();
    entry.set_role(wanted.is_context ? wire::InputFile::CONTEXT
                                     : (latents ? wire::InputFile::LATENTS : wire::InputFile::FRAME));
    entry.set_root(committed.root);
    entry.set_path(file.path);
    entry.set_size_bytes(file.size_bytes);
    entry.set_sha256(base::raw_bytes(file.sha256));
    entry.set_frame(file.frame);
    entry.set_task(wanted.reader);
    entry.set_for_all_tasks(wanted.reader_is_all);
    entry.set_layer(layer.name);
    entry.set_variant(source.variant);
    entry.set_shot(layer.shot);
    entry.set_version(job.version);
    entry.set_input(wanted.input);
  }
}

void write_root_inputs(const JobRecord& job, jobs::PhaseIndex index, TaskRange tasks, wire::Grant& out) {
  const PhasePlan& phase = job.plan->phases[index];
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  for (const jobs::RootFiles& files : phase.root_files) {
    const bool all = files.readers == jobs::RootFiles::Readers::All;
    for (TaskIndex t = tasks.first; t < (all ? tasks.first + 1 : tasks.end()); ++t) {
      const jobs::FrameSet frames = jobs::frames_read(files, phase, t);
      for (std::int64_t i = 0; i < frames.count(); ++i) {
        const jobs::Frame frame = frames.nth(i);
        wire::InputFile& entry = *out.add_inputs();
        entry.set_role(files.is_context ? wire::InputFile::CONTEXT : wire::InputFile::FRAME);
        entry.set_root(files.root);
        entry.set_frame(frame);
        entry.set_path(jobs::path_of(files, frame));
        entry.set_for_all_tasks(all);
        entry.set_task(all ? 0 : t);
        entry.set_shot(layer.shot);
        entry.set_version(job.version);
        entry.set_input(files.input);
      }
      if (files.readers == jobs::RootFiles::Readers::FirstTask) break;
    }
  }
}

void order_inputs(wire::Grant& grant) {
  std::stable_sort(grant.mutable_inputs()->begin(), grant.mutable_inputs()->end(),
                   [](const wire::InputFile& a, const wire::InputFile& b) { return a.input() < b.input(); });
}

}  // namespace framemill::scheduler
