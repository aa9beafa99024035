// Lines redrawn in place on a terminal: the cursor goes back to the first line and each line is overwritten to its end,
// in one write per drawing, so that nothing flickers. The cursor is hidden until the display ends. One thread.
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

  void draw(const std::vector<std::string>& lines);

 private:
  std::ostream& out_;
  std::size_t lines_drawn_ = 0;
  bool started_ = false;
};

}  // namespace framemill::cli
