#include "jobs/frame_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace framemill::jobs {
namespace {

base::Error frames_error(std::string code, std::string message, std::string hint = {}) {
  return {"frames." + std::move(code), std::move(message), "", std::move(hint)};
}

// First half of the canonical form: neighbours joined into runs, so that what is left with a step, or alone, has no
// neighbour in the set.
class Runs {
 public:
  void add(FrameSpan span) {
    if (span.step == 1 || span.count() == 1) {
      add_run(span.first, span.last);
      return;
    }
    add_run(span.first, span.first);  // may touch what came before
    const FrameSpan rest{span.first + span.step, span.last, span.step};
    if (spans_.back() == FrameSpan{span.first, span.first, 1})
      spans_.back() = span;
    else
      spans_.push_back(rest.count() == 1 ? FrameSpan{rest.first, rest.first, 1} : rest);
  }
  const std::vector<FrameSpan>& spans() const { return spans_; }

 private:
  void add_run(Frame first, Frame last) {
    if (spans_.empty() || spans_.back().last + 1 != first) {
      spans_.push_back({first, last, 1});
      return;
    }
    FrameSpan& before = spans_.back();
    if (before.step == 1) {
      before.last = last;
      return;
    }
    const Frame joined = before.last;  // the stepped span's last frame now has a neighbour: it becomes part of the run
    before.last -= before.step;
    if (before.count() == 1) before.step = 1;
    spans_.push_back({joined, last, 1});
  }

  std::vector<FrameSpan> spans_;
};

// Second half: frames without neighbours, grouped from the left by equal distance; a group of three or more is a span.
class Groups {
 public:
  void add(const FrameSpan& span) {
    if (span.step == 1 && span.count() > 1) {
      close();
      out_.push_back(span);
      return;
    }
    // After three frames of one span the group's step is the span's, and the rest follows in one go.
    const std::int64_t count = span.count();
    for (std::int64_t i = 0; i < std::min<std::int64_t>(count, 3); ++i)
      add_frame(static_cast<Frame>(span.first + i * span.step));
    if (count > 3) {
      group_.last = span.last;
      count_ += count - 3;
    }
  }
  std::vector<FrameSpan> finish() {
    close();
    return std::move(out_);
  }

 private:
  void add_frame(Frame frame) {
    if (count_ == 0) {
      start(frame);
    } else if (count_ == 1) {
      group_ = {group_.first, frame, frame - group_.first};
      count_ = 2;
    } else if (frame - group_.last == group_.step) {
      group_.last = frame;
      ++count_;
    } else if (count_ == 2) {
      out_.push_back({group_.first, group_.first, 1});
      group_ = {group_.last, frame, frame - group_.last};
    } else {
      close();
      start(frame);
    }
  }
  void start(Frame frame) {
    group_ = {frame, frame, 1};
    count_ = 1;
  }
  void close() {
    if (count_ >= 3) {
      out_.push_back(group_);
    } else if (count_ > 0) {
      out_.push_back({group_.first, group_.first, 1});
      if (count_ == 2) out_.push_back({group_.last, group_.last, 1});
    }
    count_ = 0;
  }

  std::vector<FrameSpan> out_;
  FrameSpan group_;
  std::int64_t count_ = 0;
};

// One part of the text between commas: "7", "1-10", "1-10x2", "-5--1".
base::Result<FrameSpan> parse_part(std::string_view part) {
  const auto fail = [&] {
    return frames_error("syntax", fmt::format("\"{}\" is not a frame or a range of frames", part),
                        "write 1001-1096, 1-10x2 or 1,5,9-12");
  };
  const char* at = part.data();
  const char* const end = at + part.size();
  const auto number = [&](std::int64_t& out) {
    const auto [next, failure] = std::from_chars(at, end, out);
    const bool ok = failure == std::errc() && next - at <= 12;
    at = next;
    return ok;
  };
  std::int64_t first = 0, step = 1;
  if (!number(first)) return fail();
  std::int64_t last = first;
  const bool is_range = at != end;
  if (is_range) {
    if (*at++ != '-' || !number(last)) return fail();
    if (at != end && (*at++ != 'x' || !number(step) || at != end)) return fail();
  }
  if (std::max(std::abs(first), std::abs(last)) > kFrameMax)
    return frames_error("out_of_range",
                        fmt::format("\"{}\" leaves the legal frames -{}..{}", part, kFrameMax, kFrameMax));
  if (step < 1) return frames_error("syntax", fmt::format("the step of \"{}\" is not at least 1", part));
  if (last < first)
    return frames_error("order", fmt::format("\"{}\" runs backwards", part), fmt::format("write {}-{}", last, first));
  step = std::min(step, last - first + 1);
  FrameSpan span{static_cast<Frame>(first), static_cast<Frame>(last), static_cast<std::int32_t>(step)};
  // A step that overshoots leaves the first frame alone; else the last frame lies on the step.
  span.last = static_cast<Frame>(first + (span.count() - 1) * step);
  return span;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<FrameSpan> common_frames(const FrameSpan& a, const FrameSpan& b) {
  // x = a.first (mod a.step) and x = b.first (mod b.step), by the Chinese remainder theorem.
  const std::int64_t gcd = std::gcd(a.step, b.step);
  const std::int64_t distance = std::int64_t{b.first} - a.first;
  if (distance % gcd != 0) return std::nullopt;
  const std::int64_t modulus = b.step / gcd;
  // Inverse of a.step/gcd modulo `modulus`, by extended Euclid.
  std::int64_t r0 = modulus, r1 = (a.step / gcd) % modulus, t0 = 0, t1 = 1;
  while (r1 != 0) {
    const std::int64_t q = r0 / r1;
    std::tie(r0, r1) = std::pair(r1, r0 - q * r1);
    std::tie(t0, t1) = std::pair(t1, t0 - q * t1);
  }
  const std::int64_t inverse = modulus == 1 ? 0 : ((t0 % modulus) + modulus) % modulus;
  const std::int64_t steps = (((distance / gcd) % modulus + modulus) % modulus) * inverse % modulus;
  const std::int64_t both = std::int64_t{a.step} * modulus;  // least common multiple
  std::int64_t first = a.first + steps * a.step;             // >= a.first, and in step with b
  const std::int64_t low = std::max(a.first, b.first), high = std::min(a.last, b.last);
  if (first < low) first += (low - first + both - 1) / both * both;
  if (first > high) return std::nullopt;
  const std::int64_t count = (high - first) / both + 1;
  if (count == 1) return FrameSpan{static_cast<Frame>(first), static_cast<Frame>(first), 1};
  return FrameSpan{static_cast<Frame>(first), static_cast<Frame>(first + (count - 1) * both),
                   static_cast<std::int32_t>(both)};
}

FrameSet::FrameSet(Frame first, Frame last) {
  *this = of({{first, last, 1}});
}

FrameSet FrameSet::of(const std::vector<FrameSpan>& ascending) {
  Runs runs;
  FrameSet set;
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    FrameSpan span = ascending[i];
    FM_CHECK(span.step >= 1 && span.first <= span.last, "a frame span that is empty or has no step");
    FM_CHECK(i == 0 || ascending[i - 1].last < span.first, "frame spans that are not ascending");
    span.last = static_cast<Frame>(span.first + (span.count() - 1) * span.step);
    set.count_ += span.count();
    runs.add(span);
  }
  Groups groups;
  for (const FrameSpan& span : runs.spans()) groups.add(span);
  set.spans_ = groups.finish();
  return set;
}

base::Result<FrameSet> FrameSet::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos)
    return frames_error(
        "colon", "\":\" means the step in one farm and the number of equal parts in another, so it is refused here",
        "write the step as 1-10x2");
  std::vector<FrameSpan> spans;
  std::int64_t count = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    FM_ASSIGN(const FrameSpan span, parse_part(trimmed(text.substr(0, comma))));
    if (!spans.empty() && span.first <= spans.back().last)
      return frames_error("order", fmt::format("frame {} comes after frame {}", span.first, spans.back().last),
                          "write frames ascending, each once");
    count += span.count();
    if (count > kFramesMax) return frames_error("too_many", fmt::format("more than {} frames", kFramesMax));
    spans.push_back(span);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  FrameSet set = of(spans);
  if (set.spans_.size() > kFrameSpansMax)
    return frames_error("too_many_spans",
                        fmt::format("{} separate ranges; at most {}", set.spans_.size(), kFrameSpansMax));
  return set;
}

Frame FrameSet::first() const {
  FM_CHECK(!empty(), "first frame of no frames");
  return spans_.front().first;
}

Frame FrameSet::last() const {
  FM_CHECK(!empty(), "last frame of no frames");
  return spans_.back().last;
}

bool FrameSet::contains(Frame frame) const {
  const auto span =
      std::lower_bound(spans_.begin(), spans_.end(), frame, [](const FrameSpan& s, Frame f) { return s.last < f; });
  return span != spans_.end() && frame >= span->first && (std::int64_t{frame} - span->first) % span->step == 0;
}

Frame FrameSet::nth(std::int64_t index) const {
  FM_CHECK(index >= 0 && index < count_, "a frame index outside its set");
  for (const FrameSpan& span : spans_) {
    if (index < span.count()) return static_cast<Frame>(span.first + index * span.step);
    index -= span.count();
  }
  FM_CHECK(false, "a frame set's count does not fit its spans");
  return 0;
}

std::int64_t FrameSet::count_below(Frame frame) const {
  std::int64_t below = 0;
  for (const FrameSpan& span : spans_) {
    if (frame <= span.first) break;
    below += frame > span.last ? span.count() : (std::int64_t{frame} - 1 - span.first) / span.step + 1;
  }
  return below;
}

FrameSet FrameSet::within(Frame first, Frame last) const {
  if (first > last) return {};
  return intersection(of({{first, last, 1}}));
}

FrameSet FrameSet::intersection(const FrameSet& other) const {
  std::vector<FrameSpan> found;
  auto a = spans_.begin();
  auto b = other.spans_.begin();
  while (a != spans_.end() && b != other.spans_.end()) {
    if (const auto both = common_frames(*a, *b)) found.push_back(*both);
    if (a->last < b->last)
      ++a;
    else
      ++b;
  }
  return of(found);
}

bool FrameSet::includes(const FrameSet& other) const {
  return intersection(other).count() == other.count();
}

FrameSet FrameSet::neighbours(std::int32_t lo, std::int32_t hi) const {
  FM_CHECK(lo <= hi, "neighbours from behind their end");
  std::vector<FrameSpan> found;
  const auto add = [&](std::int64_t first, std::int64_t last) {
    first = std::max<std::int64_t>(first, -kFrameMax);
    last = std::min<std::int64_t>(last, kFrameMax);
    if (!found.empty() && first <= std::int64_t{found.back().last} + 1)
      found.back().last = std::max(found.back().last, static_cast<Frame>(last));
    else if (first <= last)
      found.push_back({static_cast<Frame>(first), static_cast<Frame>(last), 1});
  };
  if (lo == 0 && hi == 0) return *this;
  for (const FrameSpan& span : spans_) {
    if (span.step <= std::int64_t{hi} - lo + 1) {
      add(std::int64_t{span.first} + lo, std::int64_t{span.last} + hi);
      continue;
    }
    for (std::int64_t frame = span.first; frame <= span.last; frame += span.step) add(frame + lo, frame + hi);
  }
  return of(found);
}

std::string FrameSet::text() const {
  std::string out;
  for (const FrameSpan& span : spans_) {
    if (!out.empty()) out += ',';
    out += fmt::format("{}", span.first);
    if (span.last != span.first) out += fmt::format("-{}", span.last);
    if (span.step != 1) out += fmt::format("x{}", span.step);
  }
  return out;
}

}  // namespace framemill::jobs
