#include "scheduler/core/views/job_views.h"

#include <algorithm>

#include "scheduler/core/policy/missing_files.h"
#include "scheduler/core/views/remake_views.h"

namespace framemill::scheduler {
namespace {

using jobs::PhaseState;

bool writes_frames(const PhaseEntry& phase) {
  return jobs::is_on_manifest(*phase.plan);  // a command may make one file of all frames, like a movie
}

std::uint64_t frames_in(const jobs::PhasePlan& plan, TaskRange tasks) {
  const jobs::FrameSet first = jobs::task_frames(plan, tasks.first);
  const jobs::FrameSet last = jobs::task_frames(plan, tasks.end() - 1);
  if (first.empty() || last.empty()) return 0;
  return static_cast<std::uint64_t>(plan.frames.within(first.first(), last.last()).count());
}

struct FramesOf {  // of a phase that writes some
  std::uint64_t to_write = 0, published = 0;
};

FramesOf frames_of(const JobEntry& job, const PhaseEntry& phase) {
  if (!writes_frames(phase)) return {};
  if (job.record.remake_of) return {remade_files(job, phase, false), remade_files(job, phase, true)};
  const auto all = static_cast<std::uint64_t>(phase.plan->frames.count());
  if (phase.tasks.count(TaskState::Published) == phase.tasks.size()) return {all, all};
  std::uint64_t frames = 0;
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
    if (run.state == TaskState::Published) frames += frames_in(*phase.plan, run.tasks);
  return {all, frames};
}

// A layer's state out of its phases'.
PhaseState merged(PhaseState a, PhaseState b) {
  if (a == b) return a;
  const auto is = [&](PhaseState s) { return a == s || b == s; };
  if (is(PhaseState::Running)) return PhaseState::Running;
  if (is(PhaseState::Failed)) return PhaseState::Failed;
  if (is(PhaseState::Cancelled)) return PhaseState::Cancelled;
  return PhaseState::Running;  // some wait, some are done
}

bool is_given_up(TaskState state) {
  return state == TaskState::Failed || state == TaskState::Quarantined;
}

// How often an attempt at the task ended badly: it was, or will be, granted again after each but the one that made it
// be given up. A task that was aboard when an executor died counts once, however often that was.
std::size_t bad_ends(const TaskTroubleRecord& trouble) {
  return trouble.charged_tries + trouble.uncharged_returns + (trouble.run_single ? 1 : 0) +
         std::max<std::size_t>(trouble.isolated_crashes.size(), trouble.isolate ? 1 : 0);
}

void add_troubles(const PhaseEntry& phase, LayerView& view) {
  for (const auto& [task, trouble] : phase.troubles) {
    const bool given_up = is_given_up(phase.tasks.at(task));
    if (given_up) ++view.failed;
    if (bad_ends(trouble.record) > (given_up ? 1 : 0)) ++view.retried;
  }
}

void add_failures(const JobEntry& job, const PhaseEntry& phase, std::vector<FailureGroup>& groups) {
  for (const auto& [task, trouble] : phase.troubles) {
    if (!is_given_up(phase.tasks.at(task)) && !phase.is_odd(task, trouble.record)) continue;
    const std::string& layer = job.layer_of(phase).name;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const FailureGroup& g) {
      return g.code == trouble.record.last_code && g.layer == layer;
    });
    if (group == groups.end()) {
      group = groups.insert(groups.end(), FailureGroup{});
      group->code = trouble.record.last_code;
      group->message = trouble.record.last_message;
      group->layer = layer;
    }
    ++group->count;
    const auto frame = frame_to_look_at(phase, task);
    if (frame && (!group->first_frame || *frame < *group->first_frame)) group->first_frame = frame;
  }
}

void add_missing_inputs(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                        std::vector<MissingInputView>& all) {
  if (phase.files.waits.empty()) return;
  const auto earliest = std::min_element(phase.files.waits.begin(), phase.files.waits.end(),
                                         [](auto& a, auto& b) { return a.second.since < b.second.since; });
  const auto missing = missing_file(farm, job, phase, earliest->first);
  if (!missing) return;
  MissingInputView view{job.label_of(phase), missing->root,    missing->path,   missing->frame, 0,
                        missing->since,      missing->left.ms, missing->problem};
  for (const RootFiles& files : phase.files.inputs) view.files += static_cast<std::uint64_t>(files.awaited.count());
  all.push_back(std::move(view));
}

// What a remake takes as it is, is no work of its own.
void leave_out_taken(const PhaseEntry& phase, TaskCounts& tasks) {
  tasks[static_cast<std::size_t>(TaskState::Published)] -= phase.taken;
}

void add_phase(const PhaseEntry& phase, const FramesOf& frames, LayerView& view, bool first) {
  view.state = first ? phase.state : merged(view.state, phase.state);
  for (std::size_t i = 0; i < view.tasks.size(); ++i) view.tasks[i] += phase.tasks.counts()[i];
  leave_out_taken(phase, view.tasks);
  view.variants = std::max(view.variants, phase.plan->variant + 1);
  if (writes_frames(phase)) {
    view.frames += frames.to_write;
    view.frames_published += frames.published;
  } else if (!phase.plan->traits().intermediate) {  // a movie or a sheet is one file
    view.frames += phase.tasks.size() - phase.taken;
    view.frames_published += phase.tasks.count(TaskState::Published) - phase.taken;
  }
  if (phase.plan->traits().windowed && phase.plan->traits().intermediate)
    view.windows += phase.plan->task_count - phase.taken;
  view.tries_charged += phase.tally.tries_charged;
  add_troubles(phase, view);
}

std::vector<LayerView> layers_of(const JobEntry& job, const std::vector<FramesOf>& frames, Conditions& conditions) {
  std::vector<LayerView> layers;
  for (const jobs::LayerSpec& spec : job.record.spec->layers) {
    LayerView layer;
    layer.index = static_cast<std::uint32_t>(layers.size());
    layer.name = spec.name;
    layer.kind = jobs::name(spec.kind);
    layer.shot = spec.shot.empty() ? job.record.spec->shot : spec.shot;
    bool first = true;
    for (const PhaseEntry& phase : job.phases) {
      if (phase.plan->layer != layer.index) continue;
      add_phase(phase, frames[phase.id.index], layer, first);
      first = false;
    }
    layer.condition = conditions.of_layer(job, layer.index);
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

std::optional<jobs::Frame> frame_to_look_at(const PhaseEntry& phase, TaskIndex task) {
  const auto trouble = phase.troubles.find(task);
  if (trouble != phase.troubles.end() && trouble->second.record.last_frame) return trouble->second.record.last_frame;
  const jobs::FrameSet frames = phase.frames_of(task);
  if (frames.empty()) return std::nullopt;
  return frames.first();
}

JobView view_of(const FarmState& farm, const JobEntry& job, Conditions& conditions) {
  const jobs::JobSpec& spec = *job.record.spec;
  JobView view;
  view.id = job.record.id;
  view.name = spec.name;
  view.show = spec.show;
  view.sequence = spec.sequence;
  view.shot = spec.shot;
  view.principal = job.record.submitted.principal;
  view.share = farm.shares.node(job.share).path;
  view.tags = spec.tags;
  view.version = job.record.version;
  view.state = job.record.state;
  view.condition = conditions.of_job(job);
  view.priority = job.record.priority;
  for (const AwaitedJob& awaited : job.record.awaits) {
    const JobEntry* other = farm.jobs.find(awaited.job);
    view.awaits.push_back(
        {awaited.job, awaited.any_end, other == nullptr ? std::nullopt : std::optional(other->record.state)});
  }
  view.deadline = job.record.deadline;
  view.deadline_at_risk = job.latest_start_ms != kNoRisk;
  view.submitted = job.record.submitted.time;
  view.holds = job.record.holds;
  view.last_change = job.record.last_change;
  view.started = job.record.started;
  view.finished = job.record.finished;
  view.remake_of = job.record.remake_of;
  view.tasks = job.totals;
  std::vector<FramesOf> frames;
  for (const PhaseEntry& phase : job.phases) {
    view.attempts += phase.tally.attempts;
    view.retries += phase.tally.tries_charged;
    view.model_loads += phase.tally.model_loads;
    view.windows_run_twice += phase.tally.windows_run_twice;
    view.device_us += phase.tally.device_us;
    add_failures(job, phase, view.failures);
    add_missing_inputs(farm, job, phase, view.missing_inputs);
    leave_out_taken(phase, view.tasks);
    frames.push_back(frames_of(job, phase));
    view.frames += frames.back().to_write;
    view.frames_published += frames.back().published;
  }
  view.layers = layers_of(job, frames, conditions);
  view.remakes = remakes_of(farm, job);
  return view;
}

std::uint64_t view_cost(const FarmState& farm, const JobEntry& job) {
  std::uint64_t cost = 8 + 3 * job.remade.size() + job.hosts.size();
  std::size_t shown = 0;
  for (auto id = job.remakes.rbegin(); id != job.remakes.rend() && shown < kRemakesShown; ++id, ++shown)
    cost += 8 + farm.jobs.get(*id).remade.size();
  for (const PhaseEntry& phase : job.phases) cost += 8 + phase.tasks.run_count() + 2 * phase.troubles.size();
  return cost;
}

}  // namespace framemill::scheduler
