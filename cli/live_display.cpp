#include "cli/live_display.h"

#include <fmt/format.h>

#include <ostream>

namespace framemill::cli {

LiveDisplay::~LiveDisplay() {
  if (started_) out_ << "\x1b[?25h" << std::flush;
}

void LiveDisplay::draw(const std::vector<std::string>& lines) {
  std::string frame = started_ ? "" : "\x1b[?25l";
  started_ = true;
  if (lines_drawn_ > 0) frame += fmt::format("\x1b[{}A\r", lines_drawn_);
  for (const std::string& line : lines) frame += line + "\x1b[K\n";
  frame += "\x1b[J";  // what an earlier, longer drawing left below
  out_ << frame << std::flush;
  lines_drawn_ = lines.size();
}

}  // namespace framemill::cli
