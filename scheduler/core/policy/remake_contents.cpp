#include "scheduler/core/policy/remake_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "scheduler/core/policy/remake_tasks.h"

namespace framemill::scheduler {
namespace {

const FileRecord* file_of(const std::vector<FileRecord>& files, const std::string& path) {
  const auto file = std::find_if(files.begin(), files.end(), [&](const FileRecord& f) { return f.path == path; });
  return file == files.end() ? nullptr : &*file;
}

bool same_bytes(const FileRecord& a, const FileRecord& b) {
  return a.size_bytes == b.size_bytes && a.sha256 == b.sha256;
}

bool same_samples(const FileRecord& a, const FileRecord& b) {
  return same_bytes(a, b) || (a.samples_sha256 != base::Sha256{} && a.samples_sha256 == b.samples_sha256);
}

}  // namespace

RemakeOutcome compared(const RemakeRecord& remade) {
  if (remade.after.empty()) return RemakeOutcome::Open;
  if (remade.before.size() != remade.after.size()) return RemakeOutcome::Differs;
  RemakeOutcome outcome = RemakeOutcome::Equal;
  for (const FileRecord& before : remade.before) {
    const FileRecord* after = file_of(remade.after, before.path);
    if (after == nullptr || !same_samples(before, *after)) return RemakeOutcome::Differs;
    if (!same_bytes(before, *after)) outcome = RemakeOutcome::SameSamples;
  }
  return outcome;
}

std::string digests_text(const RemakeRecord& remade) {
  for (const FileRecord& before : remade.before) {
    const FileRecord* after = file_of(remade.after, before.path);
    if (after != nullptr && same_bytes(before, *after)) continue;
    return fmt::format("{} is on record with SHA-256 {}, and came out {}", before.path, before.sha256.hex(),
                       after == nullptr ? "under another name" : "with " + after->sha256.hex());
  }
  if (remade.before.empty()) return {};
  return fmt::format("{} with SHA-256 {}", remade.before.front().path, remade.before.front().sha256.hex());
}

std::string other_contents_text(const JobEntry& remake, const PhaseEntry& phase, TaskIndex task) {
  const RemakeRecord& remade = remake.remade.at({phase.id.index, task});
  const jobs::FrameSet frames = jobs::is_framewise(*phase.plan) ? phase.frames_of(task) : jobs::FrameSet{};
  return fmt::format(
      "It did not come out as it was, and nothing was changed: {}. To publish what comes out now under the same "
      "version: framemill retry {} --layer {}{} --remake --replace",
      digests_text(remade), remade.of.value, remake.layer_of(phase).name,
      frames.empty() ? "" : " --frames " + frames.text());
}

}  // namespace framemill::scheduler
