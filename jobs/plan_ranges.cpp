// The closed formulas between tasks, windows and frames, and which tasks wait for which.
#include <algorithm>

#include "base/check.h"
#include "jobs/kind.h"
#include "jobs/output_names.h"

namespace framemill::jobs {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && a < 0 ? 1 : 0);
}
std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return -floor_div(-a, b);
}

// [first, last] clamped to the tasks 0..count-1.
TaskRange clamped(std::int64_t first, std::int64_t last, std::uint32_t count) {
  first = std::max<std::int64_t>(first, 0);
  last = std::min<std::int64_t>(last, std::int64_t{count} - 1);
  if (first > last) return {};
  return {static_cast<TaskIndex>(first), static_cast<std::uint32_t>(last - first + 1)};
}

bool overlap(TaskRange a, TaskRange b) {
  return !a.empty() && !b.empty() && a.first < b.end() && b.first < a.end();
}

}  // namespace

std::uint32_t task_window(const PhasePlan& phase, TaskIndex task) {
  for (const TaskRange& run : phase.windows) {
    if (task < run.count) return run.first + task;
    task -= run.count;
  }
  FM_CHECK(false, "a task that stands for no window");
  return 0;
}

std::optional<TaskIndex> window_task(const PhasePlan& phase, std::uint32_t window) {
  TaskIndex before = 0;
  for (const TaskRange& run : phase.windows) {
    if (run.contains(window)) return before + window - run.first;
    before += run.count;
  }
  return std::nullopt;
}

FrameSet task_frames(const PhasePlan& phase, TaskIndex task) {
  FM_CHECK(task < phase.task_count, "a task outside its phase");
  if (phase.frames.empty()) return {};
  if (phase.traits().windowed) {
    const FrameSpan made = phase.grid.new_frames(task_window(phase, task));
    return phase.frames.within(made.first, made.last);
  }
  const std::int64_t first = std::int64_t{task} * phase.frames_per_task;
  const std::int64_t last = std::min(first + phase.frames_per_task, phase.frames.count()) - 1;
  return phase.frames.within(phase.frames.nth(first), phase.frames.nth(last));
}

TaskRange tasks_of_frames(const PhasePlan& phase, Frame first, Frame last) {
  const FrameSet asked = phase.frames.within(first, last);
  if (asked.empty()) return {};
  if (phase.traits().windowed) {
    const auto from = window_task(phase, phase.grid.window_of(asked.first()));
    const auto to = window_task(phase, phase.grid.window_of(asked.last()));
    FM_CHECK(from && to, "a selected frame without its window");
    return {*from, *to - *from + 1};
  }
  const std::int64_t before = phase.frames.count_below(asked.first());
  const std::int64_t from = before / phase.frames_per_task;
  const std::int64_t to = (before + asked.count() - 1) / phase.frames_per_task;
  return {static_cast<TaskIndex>(from), static_cast<std::uint32_t>(to - from + 1)};
}

FrameSet frames_wanted(const Need& need, const PhasePlan& owner, TaskIndex t) {
  if (need.form != Need::Form::Frames) return need.frames;
  const FrameSet near =
      task_frames(owner, t).neighbours(static_cast<std::int32_t>(need.lo), static_cast<std::int32_t>(need.hi));
  return need.frames.empty() ? near : near.intersection(need.frames);
}

TaskRange tasks_needed(const Need& need, const PhasePlan& owner, TaskIndex t, const PhasePlan& needed) {
  if (t < need.applies_first || t > need.applies_last) return {};
  switch (need.form) {
    case Need::Form::Linear: {
      const std::int64_t base = floor_div(std::int64_t{t} * need.mul, need.div);
      return clamped(base + need.lo, base + need.hi, needed.task_count);
    }
    case Need::Form::Range:
      return clamped(need.range.first, std::int64_t{need.range.first} + need.range.count - 1, needed.task_count);
    case Need::Form::All:
      return {0, needed.task_count};
    case Need::Form::Frames: {
      const FrameSet wanted = frames_wanted(need, owner, t).intersection(needed.frames);
      return wanted.empty() ? TaskRange{} : tasks_of_frames(needed, wanted.first(), wanted.last());
    }
  }
  return {};
}

TaskRange tasks_waiting_on(const Need& need, const PhasePlan& owner, TaskRange done, const PhasePlan& needed) {
  done = clamped(done.first, std::int64_t{done.first} + done.count - 1, needed.task_count);
  if (done.empty()) return {};
  std::int64_t first = need.applies_first;
  std::int64_t last = need.applies_last;
  if (need.form == Need::Form::Range) {
    if (!overlap(need.range, done)) return {};
  } else if (need.form == Need::Form::Frames) {
    const FrameSet from = task_frames(needed, done.first), to = task_frames(needed, done.end() - 1);
    if (from.empty() || to.empty()) return {};
    // Not narrowed to need.frames: the tasks between two that are read are waited for as well.
    const auto beside = [](Frame frame, std::int64_t by) {
      return static_cast<Frame>(std::clamp<std::int64_t>(frame + by, -kFrameMax, kFrameMax));
    };
    const TaskRange readers = tasks_of_frames(owner, beside(from.first(), -need.hi), beside(to.last(), -need.lo));
    if (readers.empty()) return {};
    first = std::max<std::int64_t>(first, readers.first);
    last = std::min<std::int64_t>(last, std::int64_t{readers.end()} - 1);
  } else if (need.form == Need::Form::Linear) {
    // floor(t*mul/div) grows with t, so the tasks whose [.. + lo, .. + hi] meets `done` are neighbours.
    const std::int64_t low = done.first - need.hi;
    const std::int64_t high = std::int64_t{done.end()} - 1 - need.lo;
    if (need.mul == 0) {
      if (low > 0 || high < 0) return {};
    } else {
      first = std::max(first, ceil_div(low * need.div, need.mul));
      last = std::min(last, ceil_div((high + 1) * need.div, need.mul) - 1);
    }
  }
  if (first > last) return {};
  return clamped(first, last, owner.task_count);
}

void add_root_files(JobPlan& plan, const JobSpec& spec) {
  for (PhasePlan& phase : plan.phases)
    if (phase.root_files.empty() && phase.layer < spec.layers.size())
      phase.root_files = root_files_of(spec.layers[phase.layer], phase);
}

bool is_framewise(const PhasePlan& phase) {
  if (!phase.traits().writes_frames) return false;
  return phase.traits().windowed || output_path(phase, 0) != output_path(phase, 1);
}

std::optional<PhaseIndex> output_phase(const JobPlan& plan, LayerIndex layer, std::uint32_t variant) {
  for (PhaseIndex i = 0; i < plan.phases.size(); ++i) {
    const PhasePlan& phase = plan.phases[i];
    if (phase.layer == layer && phase.variant == variant && !phase.traits().intermediate) return i;
  }
  return std::nullopt;
}

FrameSet frames_read(const RootFiles& files, const PhasePlan& owner, TaskIndex t) {
  switch (files.readers) {
    case RootFiles::Readers::All:
      return files.frames;
    case RootFiles::Readers::FirstTask:
      return t == 0 ? files.frames : FrameSet{};
    case RootFiles::Readers::OwnFrames:
      return files.frames.intersection(task_frames(owner, t).neighbours(files.lo, files.hi));
  }
  return {};
}

std::string path_of(const RootFiles& files, Frame frame) {
  return frame_path(files.path_printf, frame);
}

std::vector<RootFiles> root_files_of(const LayerSpec& layer, const PhasePlan& phase) {
  std::vector<RootFiles> all;
  if (phase.kind != traits(layer.kind).first_phase) return all;  // reads what the phase before it made
  const TaskReach reach = kind_of(layer.kind).reach(layer);
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const LayerInput& input = layer.inputs[i];
    if (!input.layer.empty()) continue;
    auto resolved = resolve_input(input.pattern);
    FM_CHECK(resolved.ok(), "an input pattern that was not checked");
    RootFiles files;
    files.input = static_cast<std::uint32_t>(i);
    files.root = input.root;
    files.path_printf = std::move(*resolved);
    files.frames = input.frames.value_or(FrameSet(0, 0));
    if (phase.traits().windowed) {
      const std::int64_t wanted = std::min<std::int64_t>(phase.grid.context_frames, files.frames.count());
      if (wanted == 0) continue;
      files.frames = files.frames.within(files.frames.nth(files.frames.count() - wanted), files.frames.last());
      files.readers = RootFiles::Readers::FirstTask;
      files.is_context = true;
    } else if (input.frames && !reach.frames.all) {
      files.frames = files.frames.intersection(layer.frames.neighbours(reach.frames.lo, reach.frames.hi));
      if (!reach.one_task) {
        files.readers = RootFiles::Readers::OwnFrames;
        files.lo = reach.frames.lo;
        files.hi = reach.frames.hi;
      }
    }
    if (!files.frames.empty()) all.push_back(std::move(files));
  }
  return all;
}

std::string output_path(const PhasePlan& phase, Frame frame) {
  return frame_path(phase.output_pattern, frame);
}

}  // namespace framemill::jobs
