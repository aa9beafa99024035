// Lines redrawn in place on a terminal: the cursor goes back to the first line and each line is overwritten to its end,
// in one write per drawing, so that nothing flickers. The cursor is hidden until the display ends. A window made
// narrower breaks the lines that stand there into several rows, as terminals do: all of them are gone back. One thread.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace framemill::cli {

class LiveDisplay {
 public:
  explicit LiveDisplay(std::ostream& out) : out_(out) {}
  ~LiveDisplay();  // leaves the last drawing on the screen and shows the cursor
  LiveDisplay(const LiveDisplay&) = delete;
  LiveDisplay& operator=(const LiveDisplay&) = delete;

  // `columns`: how wide the terminal is now.
  void draw(const std::vector<std::string>& lines, int columns);

 private:
  std::ostream& out_;
  std::vector<std::size_t> widths_drawn_;  // in columns, of the lines on the screen
  bool started_ = false;
};

}  // namespace framemill::cli
