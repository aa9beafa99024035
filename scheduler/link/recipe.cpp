#include "scheduler/link/recipe.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/digest_bytes.h"
#include "jobs/kinds/command_run.h"
#include "jobs/manifest_groups.h"
#include "jobs/ordered_rate.h"
#include "scheduler/core/policy/remake_contents.h"
#include "wire/farm.pb.h"

namespace framemill::scheduler {
namespace {

using jobs::LayerKind;
using jobs::PhaseKind;
using jobs::PhasePlan;

const char* text(jobs::Reproducibility level) {
  switch (level) {
    case jobs::Reproducibility::Exact:
      return "exact";
    case jobs::Reproducibility::Stable:
      return "stable";
    case jobs::Reproducibility::Fast:
      return "fast";
  }
  return "stable";
}

const jobs::PackageFacts* facts_of(const JobRecord& job, const std::string& model) {
  const auto found =
      std::find_if(job.packages.begin(), job.packages.end(), [&](const auto& p) { return p.id() == model; });
  return found == job.packages.end() ? nullptr : &*found;
}

bool has_context_from_elsewhere(const JobRecord& job, jobs::PhaseIndex index) {
  const PhasePlan& phase = job.plan->phases[index];
  return std::any_of(phase.needs.begin(), phase.needs.end(),
                     [&](const jobs::Need& n) { return n.is_context && n.phase != index; }) ||
         std::any_of(phase.root_files.begin(), phase.root_files.end(),
                     [](const jobs::RootFiles& files) { return files.is_context; });
}

void write_generate(const JobRecord& job, jobs::PhaseIndex index, const jobs::GenerateSpec& spec,
                    wire::GenerateRecipe& out) {
  const jobs::PackageFacts* facts = facts_of(job, spec.model);
  FM_CHECK(facts != nullptr, "a job was planned with a model whose facts it does not hold");
  out.set_model(spec.model);
  out.set_model_digest(base::raw_bytes(facts->root_digest));
  out.set_prompt(spec.prompt);
  out.set_negative_prompt(spec.negative_prompt);
  out.set_steps(spec.steps.value_or(static_cast<std::uint32_t>(facts->default_steps)));
  out.set_guidance(spec.guidance.value_or(facts->default_guidance));
  out.set_chain(spec.plan == jobs::PlanStrategy::Chain);
  out.set_format(spec.format == jobs::FrameFormat::Png ? "png" : "exr");
  const bool denoise = job.plan->phases[index].kind == PhaseKind::Denoise;
  out.set_part(denoise ? wire::GenerateRecipe::DENOISE : wire::GenerateRecipe::DECODE);
  out.set_has_input(denoise && has_context_from_elsewhere(job, index));
}

void write_encode(const JobRecord& job, const jobs::LayerSpec& layer, const jobs::EncodeSpec& spec,
                  wire::EncodeRecipe& out) {
  const auto ordered = jobs::ordered_rate(*job.spec, layer, [&](const std::string& id) { return facts_of(job, id); });
  const jobs::FrameRate rate = ordered.value_or(jobs::FrameRate{});
  out.set_fps(rate.value());
  out.set_fps_num(rate.num);
  out.set_fps_den(rate.den);
  out.set_fps_from_inputs(!ordered.has_value());
  out.set_codec(spec.codec);
  out.set_scale(spec.scale);
  for (const std::string& token : spec.burn_in) out.add_burn_in(token);
}

// A Decode phase is chosen when another phase takes its frames as context.
bool is_chosen(const JobRecord& job, jobs::PhaseIndex index) {
  for (jobs::PhaseIndex other = 0; other < job.plan->phases.size(); ++other)
    for (const jobs::Need& need : job.plan->phases[other].needs)
      if (need.is_context && need.phase == index && other != index) return true;
  return false;
}

// The layer's input that a need stands for; nullptr where it stands for none.
const jobs::LayerInput* input_of(const JobRecord& job, const PhasePlan& reader, const jobs::Need& need) {
  const auto& inputs = job.spec->layers[reader.layer].inputs;
  if (need.input < 0 || static_cast<std::size_t>(need.input) >= inputs.size()) return nullptr;
  return &inputs[static_cast<std::size_t>(need.input)];
}

// The frames of a phase that a sheet's input selects.
jobs::FrameSet shown_frames(const PhasePlan& phase, const jobs::LayerInput* input) {
  if (input == nullptr || !input->frames || phase.frames.empty()) return phase.frames;
  return input->frames->within(phase.frames.first(), phase.frames.last());
}

// What a sheet shows, one row each: the needs that read files and the files of roots, in the order of the inputs.
struct SheetSource {
  std::uint32_t input = 0;
  const jobs::Need* need = nullptr;  // one of the two
  const jobs::RootFiles* files = nullptr;
};
std::vector<SheetSource> sheet_sources(const PhasePlan& sheet) {
  std::vector<SheetSource> sources;
  for (const jobs::Need& need : sheet.needs)
    if (need.reads_files) sources.push_back({static_cast<std::uint32_t>(std::max(need.input, 0)), &need, nullptr});
  for (const jobs::RootFiles& files : sheet.root_files) sources.push_back({files.input, nullptr, &files});
  std::stable_sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a.input < b.input; });
  return sources;
}

void write_root_row(const JobRecord& job, const PhasePlan& sheet, const jobs::RootFiles& files, wire::SheetRow& out) {
  const jobs::LayerSpec& layer = job.spec->layers[sheet.layer];
  const std::string& name = layer.inputs[files.input].name;
  out.set_shot(layer.shot);
  out.set_layer(name.empty() ? files.root : name);
  out.set_of_root(true);
  // Beside the job's layers, so that each such input is a section of its own.
  out.set_layer_index(static_cast<std::uint32_t>(job.spec->layers.size()) + files.input);
  out.set_version(job.version);
  out.set_frames(files.frames.text());
  out.set_path_printf(files.path_printf);
  out.set_root(files.root);
}

void write_sheet_row(const JobRecord& job, const PhasePlan& sheet, const jobs::Need& need, wire::SheetRow& out) {
  const PhasePlan& phase = job.plan->phases[need.phase];
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  out.set_shot(layer.shot);
  out.set_layer(layer.name);
  out.set_layer_index(phase.layer);
  out.set_variant(phase.variant);
  out.set_seed(phase.seed);
  out.set_version(job.version);
  const jobs::FrameSet frames = shown_frames(phase, input_of(job, sheet, need));
  out.set_frames(frames.text());
  out.set_path_printf(phase.output_pattern);
  out.set_root(phase.root);
  out.set_chosen(is_chosen(job, need.phase));
  if (const auto* generate = std::get_if<jobs::GenerateSpec>(&layer.work)) {
    out.set_prompt(generate->prompt);
    out.set_model(generate->model);
    if (const auto* facts = facts_of(job, generate->model)) out.set_model_digest(base::raw_bytes(facts->root_digest));
    for (std::uint32_t w = 1; w < phase.grid.window_count; ++w) {
      const jobs::Frame first = phase.grid.new_frames(w).first;
      if (!frames.empty() && first > frames.first() && first <= frames.last()) out.add_window_joins(first);
    }
  }
}

void write_sheet(const JobRecord& job, const PhasePlan& phase, const jobs::SheetSpec& spec, wire::SheetRecipe& out) {
  out.set_every(spec.every);
  out.set_tile(spec.tile);
  for (const SheetSource& source : sheet_sources(phase)) {
    wire::SheetRow& row = *out.add_rows();
    row.set_input(source.input);
    if (source.need != nullptr)
      write_sheet_row(job, phase, *source.need, row);
    else
      write_root_row(job, phase, *source.files, row);
  }
}

void write_command(const JobRecord& job, const PhasePlan& phase, const jobs::LayerSpec& layer,
                   const jobs::CommandSpec& spec, wire::CommandRecipe& out) {
  for (const std::string& argument : spec.argv) out.add_argv(argument);
  out.set_output_printf(phase.output_pattern);
  out.set_paths(jobs::command_run(layer, spec).paths);
  out.set_reads_own_frame(spec.needs_frames == jobs::FrameReach{} && !spec.one_task);
  for (const jobs::LayerInput& input : layer.inputs) {
    wire::CommandInput& entry = *out.add_inputs();
    entry.set_name(input.name);
    const jobs::LayerSpec* source = input.layer.empty() ? nullptr : job.spec->find_layer(input.layer);
    entry.set_has_frames(source != nullptr ? source->makes_frames() : input.frames.has_value());
  }
  // Only what the arguments speak of: another seed gives no other pixels where the program does not see it.
  const jobs::PictureSource source =
      jobs::picture_source(layer, [&](const std::string& name) { return job.spec->find_layer(name); });
  if (source.layer == nullptr) return;
  const auto& generate = std::get<jobs::GenerateSpec>(source.layer->work);
  if (jobs::uses_token(spec, "prompt")) out.set_prompt(generate.prompt);
  if (jobs::uses_token(spec, "seed")) out.set_seed(generate.variant_seeds.at(source.variant));
  if (jobs::uses_token(spec, "variant")) out.set_variant(source.variant);
}

// The frames that stand for tasks of a phase, also where the tasks make their latents only.
void add_frames_of(const PhasePlan& phase, const jobs::FrameSet& shown, TaskRange tasks,
                   std::vector<jobs::FrameSpan>& spans) {
  const auto add = [&](jobs::Frame first, jobs::Frame last) {
    const jobs::FrameSet frames = shown.within(first, last);
    spans.insert(spans.end(), frames.spans().begin(), frames.spans().end());
  };
  if (phase.kind == PhaseKind::Command) {
    const auto last = jobs::task_frames(phase, tasks.end() - 1);
    return add(jobs::task_frames(phase, tasks.first).first(), last.last());
  }
  TaskIndex before = 0;  // tasks of the runs of windows that came already
  for (const TaskRange& run : phase.windows) {
    const TaskIndex first = std::max(tasks.first, before), end = std::min(tasks.end(), before + run.count);
    if (first < end)
      add(phase.grid.new_frames(run.first + first - before).first,
          phase.grid.new_frames(run.first + end - 1 - before).last);
    before += run.count;
  }
}

// A phase's frames that failed, in its own tasks or in those of the phase that makes its latents.
std::vector<jobs::FrameSpan> failed_spans(const JobRecord& job, const PhasePlan& shown, const jobs::FrameSet& frames,
                                          const TaskRuns& runs_of) {
  std::vector<jobs::FrameSpan> spans;
  for (jobs::PhaseIndex index = 0; index < job.plan->phases.size(); ++index) {
    const PhasePlan& phase = job.plan->phases[index];
    if (phase.layer != shown.layer || phase.variant != shown.variant) continue;
    for (const StateRun& run : runs_of({job.id, index}))
      if (run.state == TaskState::Failed || run.state == TaskState::Quarantined)
        add_frames_of(phase, frames, run.tasks, spans);
  }
  std::sort(spans.begin(), spans.end());
  return spans;
}

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
  out.set_reproducibility(text(layer.reproducibility));
  out.set_root(phase.root);
  out.set_output_printf(phase.output_pattern);
  // A command that makes one file of all frames has no frames of its own, and its arguments speak of those it is given.
  out.set_frames(phase.kind == PhaseKind::Command ? layer.frames.text() : phase.frames.text());
  out.set_frames_per_task(phase.frames_per_task);
  out.set_unchecked(layer.check == jobs::OutputCheck::None);
  out.set_plan_digest(base::raw_bytes(job.plan->digest));
  write_grid(phase, out);
  if (const auto* generate = std::get_if<jobs::GenerateSpec>(&layer.work)) {
    write_generate(job, index, *generate, *out.mutable_generate());
  } else if (const auto* command = std::get_if<jobs::CommandSpec>(&layer.work)) {
    write_command(job, phase, layer, *command, *out.mutable_command());
    if (command->size) {
      out.mutable_command()->set_width(command->size->width);
      out.mutable_command()->set_height(command->size->height);
    }
  } else if (const auto* encode = std::get_if<jobs::EncodeSpec>(&layer.work)) {
    write_encode(job, layer, *encode, *out.mutable_encode());
  } else if (const auto* sheet = std::get_if<jobs::SheetSpec>(&layer.work)) {
    write_sheet(job, phase, *sheet, *out.mutable_sheet());
  }
  // The job's plan digest names the whole job; a recipe's digest must not change with the layers beside it.
  wire::Recipe pixels = out;
  pixels.clear_plan_digest();
  pixels.clear_recipe_digest();
  pixels.clear_version();
  pixels.clear_output_printf();
  out.set_recipe_digest(base::raw_bytes(base::sha256(pixels.SerializeAsString())));
}

void write_failed_frames(const JobRecord& job, jobs::PhaseIndex sheet, const TaskRuns& runs_of,
                         wire::SheetRecipe& out) {
  const PhasePlan& phase = job.plan->phases[sheet];
  std::size_t room = kFailedSpansMax;
  int row = 0;
  for (const SheetSource& source : sheet_sources(phase)) {
    wire::SheetRow& to = *out.mutable_rows(row++);
    if (source.need == nullptr) continue;  // what is not in a root was never made
    const PhasePlan& shown = job.plan->phases[source.need->phase];
    if (shown.frames.empty()) continue;
    auto spans = failed_spans(job, shown, shown_frames(shown, input_of(job, phase, *source.need)), runs_of);
    spans.resize(std::min(spans.size(), room));
    room -= spans.size();
    to.set_failed_frames(jobs::FrameSet::of(spans).text());
  }
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
      if (const auto* generate = std::get_if<jobs::GenerateSpec>(&layer.work)) {
        entry.set_model(generate->model);
        if (const auto* facts = facts_of(job, generate->model))
          entry.set_model_digest(base::raw_bytes(facts->root_digest));
      }
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
  const bool latents = source.kind == PhaseKind::Denoise;
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
