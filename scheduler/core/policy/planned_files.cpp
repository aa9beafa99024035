#include "scheduler/core/policy/planned_files.h"

#include <fmt/format.h>

#include <set>
#include <string_view>

namespace framemill::scheduler {
namespace {

bool is_frames_path(const jobs::PhasePlan& plan, TaskIndex task, const FileRecord& file) {
  return jobs::task_frames(plan, task).contains(file.frame) && file.path == jobs::output_path(plan, file.frame);
}

bool is_planned_path(const jobs::PhasePlan& plan, PhaseId phase, TaskIndex task, const FileRecord& file) {
  if (plan.traits().intermediate) return file.path == latents_path(phase, task);
  if (plan.traits().writes_frames && is_frames_path(plan, task, file)) return true;
  // Of one file of all frames the frame number says nothing.
  return !jobs::is_framewise(plan) && file.path == jobs::output_path(plan, 0);
}

// "<directory>/<file>": what an attempt stages lies one level deep; its own small files lie above.
bool is_staged_name(std::string_view staged) {
  const std::size_t slash = staged.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  const std::string_view directory = staged.substr(0, slash), name = staged.substr(slash + 1);
  const auto is_plain = [](std::string_view part) { return !part.empty() && part != "." && part != ".."; };
  return is_plain(directory) && is_plain(name) && name.find('/') == std::string_view::npos;
}

}  // namespace

std::string latents_path(PhaseId phase, TaskIndex task) {
  return fmt::format(".framemill/latents/{}/{}/{}.safetensors", phase.job.value, phase.index, task);
}

const FileRecord* unplanned_file(const jobs::PhasePlan& plan, PhaseId phase, TaskIndex task,
                                 const std::vector<FileRecord>& files) {
  std::set<std::string_view> seen;
  for (const FileRecord& file : files)
    if (!is_planned_path(plan, phase, task, file) || !is_staged_name(file.staged) || !seen.insert(file.path).second)
      return &file;
  return nullptr;
}

}  // namespace framemill::scheduler
