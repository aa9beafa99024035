#include "jobs/frame_range.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <set>

namespace framemill::jobs {
namespace {

std::vector<Frame> members(const FrameSet& set) {
  std::vector<Frame> out;
  for (const FrameSpan& span : set.spans())
    for (std::int64_t f = span.first; f <= span.last; f += span.step) out.push_back(static_cast<Frame>(f));
  return out;
}

FrameSet frames(std::string_view text) {
  auto set = FrameSet::parse(text);
  INFO(text);
  REQUIRE(set.ok());
  return *set;
}

std::string code(std::string_view text) {
  const auto set = FrameSet::parse(text);
  return set.ok() ? "ok" : set.error().code;
}

// A set as one frame per span, in random disorder of density: clusters, steps and lone frames.
rc::Gen<std::set<Frame>> some_frames() {
  return rc::gen::container<std::set<Frame>>(rc::gen::inRange<Frame>(-30, 60));
}
FrameSet of(const std::set<Frame>& wanted) {
  std::vector<FrameSpan> spans;
  for (const Frame f : wanted) spans.push_back({f, f, 1});
  return FrameSet::of(spans);
}

TEST_CASE("frames are read as people write them") {
  CHECK(members(frames("7")) == std::vector<Frame>{7});
  CHECK(members(frames("-5--1")) == std::vector<Frame>{-5, -4, -3, -2, -1});
  CHECK(members(frames("-2-1")) == std::vector<Frame>{-2, -1, 0, 1});
  CHECK(members(frames("1-10x2")) == std::vector<Frame>{1, 3, 5, 7, 9});
  CHECK(members(frames("1, 5, 9-12")) == std::vector<Frame>{1, 5, 9, 10, 11, 12});
  CHECK(members(frames("3-5x100")) == std::vector<Frame>{3});
  CHECK(frames("1001-1096").count() == 96);
  CHECK(frames("-9999999-0").count() == 10'000'000);
}

TEST_CASE("frames that cannot be meant are refused with a code") {
  for (const char* text :
       {"",      ",",   "1,",   ",1", "a",    "1-",  "1-2-3",   "1-2x", "1-2x0", "1-2x-1",
        "1--",   "1x2", "1..5", "+1", "1-+5", "1 5", "1-10 x2", "0x10", "1.5",   "99999999999999999999",
        "1-10X2"}) {
    INFO(text);
    CHECK(code(text) == "frames.syntax");
  }
  CHECK(code("1:10") == "frames.colon");
  CHECK(code("1-10:2") == "frames.colon");
  CHECK(code("5-1") == "frames.order");
  CHECK(code("1,1") == "frames.order");
  CHECK(code("5,1-3") == "frames.order");
  CHECK(code("1-9x2,2-10x2") == "frames.order");
  CHECK(code("10000000") == "frames.out_of_range");
  CHECK(code("-10000000") == "frames.out_of_range");
  CHECK(code("-9999999-9999999") == "frames.too_many");
  std::string scattered = "1";
  for (int i = 1; i <= 3'000; ++i) scattered.append(fmt::format(",{},{}", i * 10, i * 10 + 3));
  CHECK(code(scattered) == "frames.too_many_spans");
}

TEST_CASE("a refused colon says what to write instead") {
  CHECK(FrameSet::parse("1-10:2").error().hint.find("1-10x2") != std::string::npos);
}

TEST_CASE("equal sets compare equal and print alike however they were written") {
  CHECK(frames("1,2,3,4") == frames("1-4"));
  CHECK(frames("1,3,5,7") == frames("1-7x2"));
  CHECK(frames("1-3x2,5,7-9x2") == frames("1-9x2"));
  CHECK(frames("1-9x2,10").text() == "1-7x2,9-10");
  CHECK(frames("1,5,9-12").text() == "1,5,9-12");
  CHECK(frames("1-4x3").text() == "1,4");
  CHECK(frames("-3--1").text() == "-3--1");
}

TEST_CASE("ten million frames are one span") {
  CHECK(frames("0-9999999").spans().size() == 1);
  CHECK(frames("-9999999-9999999x2").spans().size() == 1);
  CHECK(frames("0-9999999").nth(9'999'999) == 9'999'999);
}

TEST_CASE("an empty set has no members") {
  const FrameSet none;
  CHECK(none.empty());
  CHECK(none.count() == 0);
  CHECK_FALSE(none.contains(0));
  CHECK(none.text().empty());
  CHECK(frames("1-5").within(5, 1).empty());
  CHECK(frames("1-5").within(6, 9).empty());
}

TEST_CASE("a frame set behaves like the set of its members") {
  CHECK(rc::check([] {
    const auto wanted = *some_frames();
    const FrameSet set = of(wanted);
    RC_ASSERT(members(set) == std::vector<Frame>(wanted.begin(), wanted.end()));
    RC_ASSERT(set.count() == static_cast<std::int64_t>(wanted.size()));
    for (Frame f = -35; f < 65; ++f) {
      RC_ASSERT(set.contains(f) == wanted.contains(f));
      RC_ASSERT(set.count_below(f) == std::distance(wanted.begin(), wanted.lower_bound(f)));
    }
    std::int64_t i = 0;
    for (const Frame f : wanted) RC_ASSERT(set.nth(i++) == f);
    if (!wanted.empty()) {
      RC_ASSERT(set.first() == *wanted.begin());
      RC_ASSERT(set.last() == *wanted.rbegin());
      const auto again = FrameSet::parse(set.text());
      RC_ASSERT(again.ok() && *again == set);
    }
  }));
}

TEST_CASE("the form of a frame set does not depend on how its spans were cut") {
  CHECK(rc::check([] {
    const auto wanted = *some_frames();
    std::vector<FrameSpan> cut;  // neighbours joined at random into spans of any fitting step
    for (auto at = wanted.begin(); at != wanted.end();) {
      const Frame first = *at++;
      FrameSpan span{first, first, 1};
      if (at != wanted.end() && *rc::gen::arbitrary<bool>()) span = {first, *at, *at - first};
      while (span.last != first && ++at != wanted.end() && *at - span.last == span.step && *rc::gen::arbitrary<bool>())
        span.last = *at;
      cut.push_back(span);
    }
    RC_ASSERT(FrameSet::of(cut) == of(wanted));
  }));
}

TEST_CASE("intersection, inclusion and within are those of sets") {
  CHECK(rc::check([] {
    const auto a = *some_frames(), b = *some_frames();
    std::set<Frame> both;
    for (const Frame f : a)
      if (b.contains(f)) both.insert(f);
    RC_ASSERT(of(a).intersection(of(b)) == of(both));
    RC_ASSERT(of(a).includes(of(b)) == (both == b));
    const Frame low = *rc::gen::inRange<Frame>(-35, 65), high = *rc::gen::inRange<Frame>(-35, 65);
    std::set<Frame> inside;
    for (const Frame f : a)
      if (f >= low && f <= high) inside.insert(f);
    RC_ASSERT(of(a).within(low, high) == of(inside));
  }));
}

TEST_CASE("the frames common to two stepped spans are found without counting through them") {
  CHECK(rc::check([] {
    const auto span = [] {
      const Frame first = *rc::gen::inRange<Frame>(-50, 50);
      const auto step = *rc::gen::inRange<std::int32_t>(1, 15);
      return FrameSpan{first, first + step * *rc::gen::inRange<Frame>(0, 20), step};
    };
    const FrameSpan a = span(), b = span();
    std::vector<Frame> expected;
    for (Frame f = a.first; f <= a.last; f += a.step)
      if (f >= b.first && f <= b.last && (f - b.first) % b.step == 0) expected.push_back(f);
    const auto found = common_frames(a, b);
    RC_ASSERT(found.has_value() == !expected.empty());
    if (found) RC_ASSERT(members(FrameSet::of({*found})) == expected);
  }));
  const auto far = common_frames({-9'999'999, 9'999'999, 9'999'991}, {-9'999'999, 9'999'999, 9'999'973});
  REQUIRE(far);
  CHECK(*far == FrameSpan{-9'999'999, -9'999'999, 1});
}

}  // namespace
}  // namespace framemill::jobs
