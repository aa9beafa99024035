#include "scheduler/core/views/remake_views.h"

#include <algorithm>

#include "scheduler/core/policy/remake_contents.h"

namespace framemill::scheduler {
namespace {

std::string_view outcome_name(RemakeOutcome outcome) {
  switch (outcome) {
    case RemakeOutcome::Open:
      return "open";
    case RemakeOutcome::Equal:
      return "equal";
    case RemakeOutcome::SameSamples:
      return "same_samples";
    case RemakeOutcome::Replaced:
      return "replaced";
    case RemakeOutcome::Differs:
      return "differs";
  }
  return "open";
}

// A task that failed or was cancelled before anything came out has no outcome of its own.
std::string_view outcome_text(const JobEntry& remake, const RemakeRecord& remade) {
  const TaskState state = remake.phases[remade.phase.index].tasks.at(remade.task);
  if (remade.outcome == RemakeOutcome::Open && jobs::is_final(state) && state != TaskState::Published)
    return state == TaskState::Cancelled ? "cancelled" : "failed";
  return outcome_name(remade.outcome);
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
    file.outcome = outcome_text(remake, remade);
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
    const std::string by = "; job " + std::to_string(id->value);
    const std::string_view outcome = outcome_text(remake, found->second);
    if (outcome == "open") return by + " makes it again";
    if (outcome == "equal") return by + " made it again, and it came out as it was";
    if (outcome == "same_samples") return by + " made it again: the same samples in other bytes";
    if (outcome == "replaced") return by + " replaced it by other contents";
    if (outcome == "differs")
      return by + " made it again. " + other_contents_text(remake, remake.phases[phase.id.index], task);
    return by + " was to make it again, and " + (outcome == "failed" ? "failed" : "was cancelled");
  }
  return {};
}

}  // namespace framemill::scheduler
