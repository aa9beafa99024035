// Frame numbers as people write them: "1001-1096", "1-10x2", "1,5,9-12", "-5--1". Ascending, no frame twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::jobs {

using Frame = std::int32_t;  // negative frames are legal; |frame| <= 9'999'999

struct FrameSpan {
  Frame first = 0;
  Frame last = 0;          // inclusive, on the step
  std::int32_t step = 1;   // >= 1
  std::int64_t count() const { return (std::int64_t{last} - first) / step + 1; }
  auto operator<=>(const FrameSpan&) const = default;
};

// An ascending set of frames, kept as spans: ten million frames in one span are a few words.
class FrameSet {
 public:
  FrameSet() = default;
  FrameSet(Frame first, Frame last);  // every frame in between, inclusive

  // Errors: frames.syntax, frames.colon (":" means two things in two farms), frames.order, frames.too_many (> 10 M),
  // frames.out_of_range.
  static base::Result<FrameSet> parse(std::string_view text);

  bool empty() const { return spans_.empty(); }
  std::int64_t count() const { return count_; }
  Frame first() const;
  Frame last() const;
  bool contains(Frame frame) const;
  Frame nth(std::int64_t index) const;          // 0-based; index < count()
  FrameSet within(Frame first, Frame last) const;  // the members in [first, last]
  const std::vector<FrameSpan>& spans() const { return spans_; }
  std::string text() const;                     // canonical form; parse(text()) == *this
  bool operator==(const FrameSet&) const = default;

 private:
  std::vector<FrameSpan> spans_;
  std::int64_t count_ = 0;
};

}  // namespace framemill::jobs
