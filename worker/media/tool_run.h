// Runs a small program to its end and keeps what it says. For ffprobe and ffmpeg, which look at movies. Any thread.
#pragma once

#include <string>
#include <vector>

namespace framemill::media {

struct ToolEnd {
  bool ok = false;  // it was started and ended with status 0
  bool started = true;
  int start_error = 0;  // errno of what was needed to start it; 0: the program is not there
  std::string output;   // standard output, at most 64 KiB
  // The last line of standard error that is marked as an error, as "-v level+error" has it, at most 4 KiB; empty: none.
  std::string last_error;
};

ToolEnd run_tool(std::vector<std::string> argv);

}  // namespace framemill::media
