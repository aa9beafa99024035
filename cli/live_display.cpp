#include "cli/live_display.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/text.h"

namespace framemill::cli {

LiveDisplay::~LiveDisplay() {
  if (started_) out_ << "\x1b[?25h" << std::flush;
}

void LiveDisplay::draw(const std::vector<std::string>& lines, int columns) {
  const auto width = static_cast<std::size_t>(std::max(columns, 1));
  std::size_t rows = 0;
  for (const std::size_t drawn : widths_drawn_) rows += std::max<std::size_t>((drawn + width - 1) / width, 1);
  std::string frame = started_ ? "" : "\x1b[?25l";
  started_ = true;
  if (rows > 0) frame += fmt::format("\x1b[{}A\r", rows);
  widths_drawn_.clear();
  for (const std::string& line : lines) {
    frame += line + "\x1b[K\n";
    widths_drawn_.push_back(display_width(line));
  }
  frame += "\x1b[J";  // what an earlier, longer drawing left below
  out_ << frame << std::flush;
}

}  // namespace framemill::cli
