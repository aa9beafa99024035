#include "scheduler/core/views/remake_views.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error_code.h"
#include "scheduler/core/policy/remake_contents.h"

namespace framemill::scheduler {
namespace {

// What people are shown of a file that is made again: the recorded outcome, or how its task ended before it had one.
enum class ShownOutcome : std::uint8_t { Open, Equal, SameSamples, Replaced, Differs, Failed, Cancelled };
constexpr base::Names<ShownOutcome, 7> kShownOutcomes{
    {"open", "equal", "same_samples", "replaced", "differs", "failed", "cancelled"}};

ShownOutcome shown_outcome(const JobEntry& remake, const RemakeRecord& remade) {
  const TaskState state = remake.phases[remade.phase.index].tasks.at(remade.task);
  switch (remade.outcome) {
    case RemakeOutcome::Open:
      if (!jobs::is_final(state) || state == TaskState::Published) return ShownOutcome::Open;
      return state == TaskState::Cancelled ? ShownOutcome::Cancelled : ShownOutcome::Failed;
    case RemakeOutcome::Equal:
      return ShownOutcome::Equal;
    case RemakeOutcome::SameSamples:
      return ShownOutcome::SameSamples;
    case RemakeOutcome::Replaced:
      return ShownOutcome::Replaced;
    case RemakeOutcome::Differs:
      return ShownOutcome::Differs;
  }
  return ShownOutcome::Open;
}

void add_files(const JobEntry& remake, const RemakeRecord& remade, RemakeView& view) {
  const PhaseEntry& phase = remake.phases[remade.phase.index];
  view.files_count += remade.before.size();
  for (const FileRecord& before : remade.before) {
    if (view.files.size() >= kRemadeFilesShown) return;
    RemadeView file;
    file.layer = remake.layer_of(phase).name;
    file.variant = phase.plan->variant;
    file.root = phase.plan->root;
    file.path = before.path;
    file.outcome = kShownOutcomes.of(shown_outcome(remake, remade));
    if (!phase.frames_of(remade.task).empty()) file.frame = before.frame;
    file.recorded = before.sha256;
    for (const FileRecord& after : remade.after)
      if (after.path == before.path) file.made = after.sha256;
    view.files.push_back(std::move(file));
  }
}

RemakeView view_of_remake(const JobEntry& remake) {
  RemakeView view;
  view.job = remake.record.id;
  view.state = remake.record.state;
  view.cause = remake.record.submitted;
  view.replaces = remake.record.replaces;
  for (const auto& [key, remade] : remake.remade) add_files(remake, remade, view);
  return view;
}

}  // namespace

std::uint64_t remade_files(const JobEntry& remake, const PhaseEntry& phase, bool published) {
  std::uint64_t files = 0;
  for (auto it = remake.remade.lower_bound({phase.id.index, 0});
       it != remake.remade.end() && it->first.first == phase.id.index; ++it)
    if (!published || phase.tasks.at(it->first.second) == TaskState::Published) files += it->second.before.size();
  return files;
}

std::vector<RemakeView> remakes_of(const FarmState& farm, const JobEntry& job) {
  std::vector<RemakeView> views;
  if (job.record.remake_of) views.push_back(view_of_remake(job));
  for (auto id = job.remakes.rbegin(); id != job.remakes.rend() && views.size() < kRemakesShown; ++id)
    views.push_back(view_of_remake(farm.jobs.get(*id)));
  return views;
}

std::string remade_text(const FarmState& farm, const JobEntry& first, const PhaseEntry& phase, TaskIndex task) {
  for (auto id = first.remakes.rbegin(); id != first.remakes.rend(); ++id) {
    const JobEntry& remake = farm.jobs.get(*id);
    const auto found = remake.remade.find({phase.id.index, task});
    if (found == remake.remade.end()) continue;
    const std::string by = fmt::format("; job {}", id->value);
    switch (shown_outcome(remake, found->second)) {
      case ShownOutcome::Open:
        return by + " makes it again";
      case ShownOutcome::Equal:
        return by + " made it again, and it came out as it was";
      case ShownOutcome::SameSamples:
        return by + " made it again: the same samples in other bytes";
      case ShownOutcome::Replaced:
        return by + " replaced it by other contents";
      case ShownOutcome::Differs:
        return by + " made it again. " + other_contents_text(remake, remake.phases[phase.id.index], task);
      case ShownOutcome::Failed:
        return by + " was to make it again, and failed";
      case ShownOutcome::Cancelled:
        return by + " was to make it again, and was cancelled";
    }
  }
  return {};
}

}  // namespace framemill::scheduler
