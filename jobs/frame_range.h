// Frame numbers as people write them: "1001-1096", "1-10x2", "1,5,9-12", "-5--1". Ascending, no frame twice.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::jobs {

using Frame = std::int32_t;  // negative frames are legal; |frame| <= kFrameMax

inline constexpr Frame kFrameMax = 9'999'999;
inline constexpr std::int64_t kFramesMax = 10'000'000;  // in one set
inline constexpr std::size_t kFrameSpansMax = 4'096;    // in one set: it travels with every grant

struct FrameSpan {
  Frame first = 0;
  Frame last = 0;         // inclusive, on the step
  std::int32_t step = 1;  // >= 1
  std::int64_t count() const { return (std::int64_t{last} - first) / step + 1; }
  auto operator<=>(const FrameSpan&) const = default;
};

// The frames that both spans hold: again a span, or none.
std::optional<FrameSpan> common_frames(const FrameSpan& a, const FrameSpan& b);

// An ascending set of frames, kept as spans: ten million frames in one span are a few words. The spans are canonical
// (maximal runs of neighbours; the lone frames between them grouped from the left by equal distance, three or more), so
// equal sets compare equal however they were written.
class FrameSet {
 public:
  FrameSet() = default;
  FrameSet(Frame first, Frame last);  // every frame in between, inclusive

  // Errors: frames.syntax, frames.colon (":" means two things in two farms), frames.order, frames.too_many (> 10 M),
  // frames.out_of_range, frames.too_many_spans (> 4,096 after joining neighbours).
  static base::Result<FrameSet> parse(std::string_view text);

  // From spans in ascending order that do not overlap (a broken invariant otherwise).
  static FrameSet of(const std::vector<FrameSpan>& ascending);

  bool empty() const { return spans_.empty(); }
  std::int64_t count() const { return count_; }
  Frame first() const;
  Frame last() const;
  bool contains(Frame frame) const;
  Frame nth(std::int64_t index) const;             // 0-based; index < count()
  std::int64_t count_below(Frame frame) const;     // members < frame: the index of the first member >= frame
  FrameSet within(Frame first, Frame last) const;  // the members in [first, last]
  FrameSet intersection(const FrameSet& other) const;
  bool includes(const FrameSet& other) const;  // every member of other is a member
  // Every frame from `lo` before or after a member to `hi` (lo <= hi), inside the legal frames: {10} with -1, +1 gives 9-11.
  FrameSet neighbours(std::int32_t lo, std::int32_t hi) const;
  const std::vector<FrameSpan>& spans() const { return spans_; }
  std::string text() const;  // canonical form; parse(text()) == *this
  bool operator==(const FrameSet&) const = default;

 private:
  std::vector<FrameSpan> spans_;
  std::int64_t count_ = 0;
};

}  // namespace framemill::jobs
