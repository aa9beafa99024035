// What `follow` shows of a job: a pure function from the scheduler's views to lines of text, so that it can be tested
// word for word. One bar per layer, one line per slot, a sentence while something waits. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "cli/views.h"

namespace framemill::cli {

struct ProgressViews {
  JobView job;
  std::vector<WorkerView> workers;
  std::optional<ExplanationView> explanation;  // asked for while something waits
  std::int64_t elapsed_ms = 0;                 // since the job was submitted
};

// At most terminal.height - 1 lines, none wider than terminal.width.
std::vector<std::string> progress_lines(const ProgressViews& views, const Terminal& terminal);
// The same in one line, for logs: "[0:40] job 12 running: 48/192 frames, boards 6/6, hb_0010 24/96, 2 slots busy, ...".
std::string progress_line(const ProgressViews& views);
// What a finished job came to, one or two lines.
std::string outcome_text(const JobView& job, std::int64_t elapsed_ms, const Terminal& terminal);

// True while a task could be granted or waits for others, so that an explanation has something to say.
bool something_waits(const JobView& job);

}  // namespace framemill::cli
