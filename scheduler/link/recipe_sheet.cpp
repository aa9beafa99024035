// The work of a phase that draws a contact sheet, and which of the frames that it shows failed.
#include <algorithm>
#include <vector>

#include "base/digest_bytes.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/link/recipe.h"
#include "scheduler/link/recipe_kinds.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {
namespace {

using jobs::PhasePlan;

// A phase is chosen when another phase takes its frames as context.
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
  out.set_prompt(layer.prompt());
  out.set_model(layer.model());
  if (const auto* facts = package_of(job, layer.model())) out.set_model_digest(base::raw_bytes(facts->root_digest));
  for (std::uint32_t w = 1; w < phase.grid.window_count; ++w) {
    const jobs::Frame first = phase.grid.new_frames(w).first;
    if (!frames.empty() && first > frames.first() && first <= frames.last()) out.add_window_joins(first);
  }
}

// The frames that stand for tasks of a phase, also where the tasks make their latents only.
void add_frames_of(const PhasePlan& phase, const jobs::FrameSet& shown, TaskRange tasks,
                   std::vector<jobs::FrameSpan>& spans) {
  const auto add = [&](jobs::Frame first, jobs::Frame last) {
    const jobs::FrameSet frames = shown.within(first, last);
    spans.insert(spans.end(), frames.spans().begin(), frames.spans().end());
  };
  if (!phase.traits().windowed) {
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

}  // namespace

void write_sheet(const RecipeOf& of, wire::Recipe& recipe) {
  const auto& spec = std::get<jobs::SheetSpec>(of.layer().work);
  wire::SheetRecipe& out = *recipe.mutable_sheet();
  out.set_every(spec.every);
  out.set_tile(spec.tile);
  for (const SheetSource& source : sheet_sources(of.phase())) {
    wire::SheetRow& row = *out.add_rows();
    row.set_input(source.input);
    if (source.need != nullptr)
      write_sheet_row(of.job, of.phase(), *source.need, row);
    else
      write_root_row(of.job, of.phase(), *source.files, row);
  }
}

void write_failed_frames(const JobRecord& job, jobs::PhaseIndex sheet, const TaskRuns& runs_of, wire::Recipe& recipe) {
  const PhasePlan& phase = job.plan->phases[sheet];
  std::size_t room = kFailedSpansMax;
  int row = 0;
  wire::SheetRecipe& out = *recipe.mutable_sheet();
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

}  // namespace framemill::scheduler
