// Runs a small program to its end and keeps what it says. For ffprobe and ffmpeg, which look at movies. Any thread.
#pragma once

#include <string>
#include <vector>

namespace framemill::media {

struct ToolEnd {
  bool ok = false;  // it was started and ended with status 0
  bool started = true;
  int start_error = 0;     // errno of what was needed to start it; 0: the program is not there
  std::string output;      // standard output, at most 64 KiB
  std::string last_error;  // last line of standard error, at most 4 KiB; empty when it said nothing
};

ToolEnd run_tool(std::vector<std::string> argv);

}  // namespace framemill::media
