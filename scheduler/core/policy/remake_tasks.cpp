#include "scheduler/core/policy/remake_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

std::string task_words(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const jobs::FrameSet frames = jobs::is_framewise(*phase.plan) ? phase.frames_of(task) : jobs::FrameSet{};
  const std::string layer = "layer " + job.layer_of(phase).name;
  if (frames.empty()) return layer;
  return fmt::format("frame{} {} of {}", frames.count() == 1 ? "" : "s", frames.text(), layer);
}

base::Error too_many() {
  return base::error_of(Refusal::RemakeTooMany, fmt::format("more than {} tasks at once", kRemadeTasksMax), "frames",
                        "name fewer frames, and the others afterwards");
}

// A movie or a sheet is asked for by its layer: whoever names frames alone means these files.
base::Status add_asked(const PhaseEntry& phase, const JobChangeRequested& asked, std::set<TaskIndex>& tasks) {
  std::vector<TaskRange> ranges;
  if (!asked.frames || !jobs::is_framewise(*phase.plan)) {
    if (asked.frames && asked.layer.empty()) return {};
    ranges.push_back({0, phase.tasks.size()});
  } else {
    for (const jobs::FrameSpan& span : asked.frames->spans())
      ranges.push_back(jobs::tasks_of_frames(*phase.plan, span.first, span.last));
  }
  for (const TaskRange& range : ranges)
    for (TaskIndex t = range.first; t < range.end(); ++t) {
      tasks.insert(t);
      if (tasks.size() > kRemadeTasksMax) return too_many();
    }
  return {};
}

base::Status check_published(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const TaskState state = phase.tasks.at(task);
  if (state == TaskState::Published) return {};
  const std::string message =
      fmt::format("{} is not published: its task is {}", task_words(job, phase, task), jobs::name(state));
  if (jobs::is_final(state) || job.final())
    return base::error_of(Refusal::RemakeNotPublished, message, "frames",
                          "`framemill retry` without --remake tries it again");
  return base::error_of(Refusal::RemakeRunning, message, "frames", "wait until it is published");
}

base::Status check_idle(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  for (const JobId id : job.remakes) {
    const JobEntry& other = farm.jobs.get(id);
    if (other.final() || !other.remade.contains({phase.id.index, task})) continue;
    return base::error_of(Refusal::RemakeUnderWay,
                          fmt::format("job {} makes {} again already", id.value, task_words(job, phase, task)),
                          "frames", fmt::format("wait for it: `framemill wait {}`", id.value));
  }
  return {};
}

// Where the pattern has no version, another job may have published its own file under the name that became free.
base::Status check_names(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                         const std::set<TaskIndex>& tasks) {
  const auto holds = [](const JobEntry& other, const PhaseEntry& theirs, TaskRange range) {
    return !range.empty() && (!other.final() || theirs.tasks.any(range, TaskState::Published) ||
                              theirs.tasks.any(range, TaskState::Committed));
  };
  for (const auto& [id, other] : farm.jobs.all()) {
    if (id == job.record.id || other.record.remake_of) continue;
    for (const PhaseEntry& theirs : other.phases) {
      if (theirs.plan->traits().intermediate || theirs.plan->root != phase.plan->root ||
          theirs.plan->output_pattern != phase.plan->output_pattern)
        continue;
      for (const TaskIndex task : tasks) {
        TaskRange range{0, theirs.tasks.size()};
        if (jobs::is_framewise(*phase.plan)) {
          const jobs::FrameSet frames = phase.frames_of(task);
          range = jobs::tasks_of_frames(*theirs.plan, frames.first(), frames.last());
        }
        if (!holds(other, theirs, range)) continue;
        return base::error_of(
            Refusal::RemakeNameTaken,
            fmt::format("job {} publishes its files under the same names as {}: they are not replaced", id.value,
                        task_words(job, phase, task)),
            "frames", "give output a {version}; submit the job again for a new version");
      }
    }
  }
  return {};
}

}  // namespace

base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> tasks_to_remake(const FarmState& farm,
                                                                         const JobChangeRequested& asked) {
  const JobEntry* job = farm.jobs.find(asked.job);
  if (job == nullptr)
    return base::error_of(Refusal::JobUnknown, fmt::format("there is no job {} that could be changed", asked.job.value),
                          "job", "`framemill jobs` lists the jobs; the oldest finished ones are in the history alone");
  if (job->record.remake_of)
    return base::error_of(
        Refusal::RemakeOfRemake,
        fmt::format("job {} itself makes files of job {} again", asked.job.value, job->record.remake_of.value), "job",
        fmt::format("name job {}", job->record.remake_of.value));
  const auto& layers = job->record.spec->layers;
  if (!asked.layer.empty() &&
      std::none_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == asked.layer; }))
    return unknown_layer(job->record.id, *job->record.spec, asked.layer);
  if (asked.layer.empty() && !asked.frames)
    return base::error_of(Refusal::RemakeNeedsFrames, "nothing says what is to be made again", "frames",
                          "name frames, or a layer for its movie, sheet or all its frames");
  std::vector<std::pair<PhaseId, TaskIndex>> found;
  for (const PhaseEntry& phase : job->phases) {
    if (phase.plan->traits().intermediate) continue;
    if (!asked.layer.empty() && job->layer_of(phase).name != asked.layer) continue;
    std::set<TaskIndex> tasks;
    FM_TRY(add_asked(phase, asked, tasks));
    for (const TaskIndex task : tasks) {
      FM_TRY(check_published(*job, phase, task));
      FM_TRY(check_idle(farm, *job, phase, task));
      found.emplace_back(phase.id, task);
    }
    if (!tasks.empty()) FM_TRY(check_names(farm, *job, phase, tasks));
  }
  if (found.size() > kRemadeTasksMax) return too_many();
  if (found.empty())
    return base::error_of(
        Refusal::RemakeNothing, fmt::format("job {} has no such frames", asked.job.value), "frames",
        fmt::format("`framemill frames {}` lists its files; a movie is named by its layer", asked.job.value));
  return found;
}

}  // namespace framemill::scheduler
