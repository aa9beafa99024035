#include "scheduler/core/policy/missing_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/output_names.h"

namespace framemill::scheduler {

base::Duration missing_after(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase) {
  return job.layer_of(phase).missing_after.value_or(farm.settings.missing_after);
}

std::string name_of(const MissingFile& missing) {
  const std::string frame = missing.numbered ? fmt::format(" (frame {})", missing.frame) : "";
  return fmt::format("{}:{}{}", missing.root, missing.path, frame);
}

std::string duration_text(base::Duration time) {
  const std::int64_t seconds = (time.ms + 999) / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h", seconds / 3600);
}

std::optional<MissingFile> missing_file(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                        TaskIndex task) {
  std::optional<MissingFile> missing;
  for (const RootFiles& files : phase.files.inputs) {
    const auto frame = first_unseen(files, *phase.plan, task);
    if (!frame) continue;
    const jobs::FrameSet read = frames_read(files, *phase.plan, task);
    std::uint64_t unseen = 0;
    for (std::int64_t i = 0; i < read.count(); ++i)
      unseen += files.there[static_cast<std::size_t>(files.frames.count_below(read.nth(i)))] ? 0u : 1u;
    if (missing) {
      missing->files += unseen;
      continue;
    }
    missing.emplace();
    missing->root = files.root;
    missing->path = path_of(files, *frame);
    missing->numbered = jobs::split_pattern(files.path_printf).width.has_value();
    missing->frame = *frame;
    missing->files = unseen;
    missing->asked = bool(files.looker);
    if (!files.looker)
      missing->problem = "no worker that could run it sees root " + files.root;
    else if (files.answered && !files.readable)
      missing->problem = files.problem;
    else if (!files.answered)
      missing->problem = "no worker has looked yet";
  }
  if (!missing) return missing;
  auto wait = phase.files.waits.upper_bound(task);
  if (wait == phase.files.waits.begin()) return missing;
  --wait;
  if (task >= wait->first + wait->second.tasks) return missing;
  missing->waits = true;
  missing->since = wait->second.wall_since;
  missing->left =
      std::max(base::Duration{}, missing_after(farm, job, phase) - (phase.files.clock - wait->second.since));
  return missing;
}

std::string text_of(const MissingFile& missing, base::WallTime now) {
  std::string text = name_of(missing);
  const std::uint64_t more = missing.files > 1 ? missing.files - 1 : 0;
  if (more > 0) text += fmt::format(" and {} more file{}", more, more == 1 ? "" : "s");
  if (!missing.waits) {
    text += more > 0 ? " are missing" : " is missing";
  } else {
    text += more > 0 ? " have been missing for " : " has been missing for ";
    text += duration_text(base::milliseconds(std::max<std::int64_t>(now.unix_ms - missing.since.unix_ms, 0)));
    if (missing.problem.empty()) text += "; the task fails in " + duration_text(missing.left);
  }
  if (!missing.problem.empty()) text += "; the time does not count: " + missing.problem;
  return text;
}

}  // namespace framemill::scheduler
