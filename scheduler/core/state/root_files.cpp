#include "scheduler/core/state/root_files.h"

#include <algorithm>

namespace framemill::scheduler {
namespace {

void add_to(std::vector<TaskRange>& held, TaskIndex task) {
  if (!held.empty() && held.back().end() == task)
    ++held.back().count;
  else
    held.push_back({task, 1});
}

}  // namespace

std::vector<RootFiles> unseen_files_of(const jobs::PhasePlan& phase) {
  std::vector<RootFiles> all;
  for (const jobs::RootFiles& planned : phase.root_files) {
    RootFiles files{planned, {}, planned.frames.count(), {}, {}, {}, {}, false, false, {}};
    files.there.assign(static_cast<std::size_t>(files.missing), false);
    if (files.missing > 0) all.push_back(std::move(files));
  }
  return all;
}

std::optional<jobs::Frame> first_unseen(const RootFiles& files, const jobs::PhasePlan& phase, TaskIndex task) {
  if (files.missing == 0) return std::nullopt;
  const jobs::FrameSet read = frames_read(files, phase, task);
  for (std::int64_t i = 0; i < read.count(); ++i) {
    const jobs::Frame frame = read.nth(i);
    if (!files.there[static_cast<std::size_t>(files.frames.count_below(frame))]) return frame;
  }
  return std::nullopt;
}

std::vector<TaskRange> held_by_files(const PhaseFiles& files, const jobs::PhasePlan& phase, TaskRange tasks) {
  std::vector<TaskRange> held;
  if (std::all_of(files.inputs.begin(), files.inputs.end(), [](const RootFiles& f) { return f.missing == 0; }))
    return held;
  for (const RootFiles& f : files.inputs)
    if (f.missing > 0 && f.readers == RootFiles::Readers::All) return {tasks};
  const bool first_alone = std::all_of(files.inputs.begin(), files.inputs.end(),
                                       [](const RootFiles& f) { return f.readers == RootFiles::Readers::FirstTask; });
  const TaskIndex end = first_alone ? std::min<TaskIndex>(tasks.end(), 1) : tasks.end();
  for (TaskIndex t = tasks.first; t < end; ++t)
    if (std::any_of(files.inputs.begin(), files.inputs.end(),
                    [&](const RootFiles& f) { return first_unseen(f, phase, t).has_value(); }))
      add_to(held, t);
  return held;
}

bool mark_file(RootFiles& files, jobs::Frame frame, bool is_there) {
  if (!files.frames.contains(frame)) return false;
  auto there = files.there.begin() + files.frames.count_below(frame);
  if (*there == is_there) return false;
  *there = is_there;
  files.missing += is_there ? -1 : 1;
  return true;
}

}  // namespace framemill::scheduler
