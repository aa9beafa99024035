// The closed formulas between tasks, windows and frames, and which tasks wait for which.
#include <algorithm>

#include "base/check.h"
#include "jobs/output_names.h"
#include "jobs/plan.h"

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
  if (phase.kind == PhaseKind::Decode) {
    const FrameSpan made = phase.grid.new_frames(task_window(phase, task));
    return phase.frames.within(made.first, made.last);
  }
  if (phase.kind != PhaseKind::Command) return {};
  const std::int64_t first = std::int64_t{task} * phase.frames_per_task;
  const std::int64_t last = std::min(first + phase.frames_per_task, phase.frames.count()) - 1;
  return phase.frames.within(phase.frames.nth(first), phase.frames.nth(last));
}

TaskRange tasks_of_frames(const PhasePlan& phase, Frame first, Frame last) {
  const FrameSet asked = phase.frames.within(first, last);
  if (asked.empty()) return {};
  if (phase.kind == PhaseKind::Decode) {
    const auto from = window_task(phase, phase.grid.window_of(asked.first()));
    const auto to = window_task(phase, phase.grid.window_of(asked.last()));
    FM_CHECK(from && to, "a selected frame without its window");
    return {*from, *to - *from + 1};
  }
  if (phase.kind != PhaseKind::Command) return {};
  const std::int64_t before = phase.frames.count_below(asked.first());
  const std::int64_t from = before / phase.frames_per_task;
  const std::int64_t to = (before + asked.count() - 1) / phase.frames_per_task;
  return {static_cast<TaskIndex>(from), static_cast<std::uint32_t>(to - from + 1)};
}

TaskRange tasks_needed(const Need& need, TaskIndex t, std::uint32_t needed_count) {
  if (t < need.applies_first || t > need.applies_last) return {};
  switch (need.form) {
    case Need::Form::Linear: {
      const std::int64_t base = floor_div(std::int64_t{t} * need.mul, need.div);
      return clamped(base + need.lo, base + need.hi, needed_count);
    }
    case Need::Form::Range:
      return clamped(need.range.first, std::int64_t{need.range.first} + need.range.count - 1, needed_count);
    case Need::Form::All:
      return {0, needed_count};
  }
  return {};
}

TaskRange tasks_waiting_on(const Need& need, TaskRange done, std::uint32_t needed_count, std::uint32_t own_count) {
  done = clamped(done.first, std::int64_t{done.first} + done.count - 1, needed_count);
  if (done.empty()) return {};
  std::int64_t first = need.applies_first;
  std::int64_t last = need.applies_last;
  if (need.form == Need::Form::Range) {
    if (!overlap(need.range, done)) return {};
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
  return clamped(first, last, own_count);
}

std::optional<PhaseIndex> output_phase(const JobPlan& plan, LayerIndex layer, std::uint32_t variant) {
  for (PhaseIndex i = 0; i < plan.phases.size(); ++i) {
    const PhasePlan& phase = plan.phases[i];
    if (phase.layer == layer && phase.variant == variant && phase.kind != PhaseKind::Denoise) return i;
  }
  return std::nullopt;
}

std::string input_path(const LayerInput& input, Frame frame) {
  const auto resolved = resolve_output(input.pattern, {});
  FM_CHECK(resolved.ok(), "an input pattern that was not checked");
  return frame_path(*resolved, frame);
}

std::string output_path(const PhasePlan& phase, Frame frame) {
  return frame_path(phase.output_pattern, frame);
}

}  // namespace framemill::jobs
