#include "scheduler/core/acts/file_wait_records.h"

#include <algorithm>
#include <utility>

#include "scheduler/core/policy/missing_files.h"

namespace framemill::scheduler {
namespace {

// Where there are more spans than one record takes, neighbours become one, which counts from its latest.
std::vector<FileWaits::Span> spans_of(const std::map<TaskIndex, FileWait>& waits) {
  std::vector<FileWaits::Span> spans;
  const std::size_t each = waits.size() / kFileWaitSpansMax + (waits.size() % kFileWaitSpansMax > 0 ? 1 : 0);
  std::size_t joined = 0;
  for (const auto& [first, wait] : waits) {
    if (joined++ % each == 0) {
      spans.push_back({{first, wait.tasks}, wait.since, wait.wall_since});
      continue;
    }
    FileWaits::Span& span = spans.back();
    span.tasks.count = first + wait.tasks - span.tasks.first;
    span.since = std::max(span.since, wait.since);
    span.wall_since = std::max(span.wall_since, wait.wall_since);
  }
  return spans;
}

}  // namespace

void keep_file_waits(FarmState& farm, const JobEntry& job, PhaseEntry& phase) {
  const PhaseFiles& files = phase.files;
  FileWaits now{files.clock, spans_of(files.waits)};
  if (now.spans.empty()) now.clock = {};
  const base::Duration step = std::clamp(missing_after(farm, job, phase) / 4, base::seconds(1), kFileClockKeptEvery);
  if (now.spans == files.kept.spans && now.clock - files.kept.clock < step) return;
  phase.files.kept = std::move(now);
  farm.turn.mark(phase);
}

void recall_file_waits(const FarmState& farm, PhaseEntry& phase, FileWaits kept) {
  if (phase.files.inputs.empty()) return;
  phase.files.clock = kept.clock;
  phase.files.clock_read = farm.now();
  for (const FileWaits::Span& span : kept.spans)
    phase.files.waits[span.tasks.first] = {span.tasks.count, span.since, span.wall_since};
  phase.files.kept = std::move(kept);
}

}  // namespace framemill::scheduler
