// What is looked at before a window's frames are committed: numbers that are not finite, a wrong size, frames of exact
// zeros, a window that stands perfectly still. Each finding is a coded failure with its frame number. The checks are
// for broken weights and broken devices, not for taste: a dark night scene holds small values, not zeros, and a calm
// one still differs in the last bits from frame to frame. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "jobs/frame_range.h"
#include "worker/frames/picture.h"

namespace framemill::frames {

struct OutputFinding {
  std::string code;     // "frames.nan" "frames.size" "frames.black" "frames.frozen"
  std::string message;  // one sentence
  jobs::Frame frame = 0;
};

struct ExpectedSize {
  int width = 0;
  int height = 0;
};

// A decoded window, looked at picture by picture as they come. Holds the first picture.
class WindowCheck {
 public:
  // `first`: frame number of the first picture.
  WindowCheck(jobs::Frame first, ExpectedSize expected) : first_(first), expected_(expected) {}
  // The next picture, in order.
  std::optional<OutputFinding> add(const Picture& picture);
  // After the last one: whether the window stands still.
  std::optional<OutputFinding> finish() const;

 private:
  const jobs::Frame first_;
  const ExpectedSize expected_;
  std::optional<Picture> first_picture_;
  jobs::Frame count_ = 0;
  bool moves_ = false;
};

// `window`: all frames of a decoded window in order, the first of them being frame `first`. The first finding by frame.
std::optional<OutputFinding> check_window(std::span<const Picture> window, jobs::Frame first, ExpectedSize expected);

// Latents before they are written: frames.nan with the window's first frame where a value is not finite.
std::optional<OutputFinding> check_latents(std::span<const float> values, jobs::Frame first);

}  // namespace framemill::frames
