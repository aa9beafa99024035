#include "jobs/output_names.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cstdio>
#include <set>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using test::frames;

std::string resolved(std::string_view pattern, const OutputTokens& tokens = {"show", "seq", "sh", "comp", 2, 7}) {
  const auto result = resolve_output(pattern, tokens);
  return result.ok() ? *result : result.error().code;
}

TEST_CASE("an input may lie in a directory with a percent sign, and what looks like a printf token is refused") {
  const std::string resolved = resolve_input("50% done/a%b/p.{frame:04}.png").value();
  CHECK(frame_path(resolved, 1001) == "50% done/a%b/p.1001.png");
  CHECK(frame_path(resolve_input("5%/{frame}").value(), -3) == "5%/-3");
  CHECK(frame_path(resolve_input("100%{frame:03}").value(), 7) == "100%007");
  CHECK(frame_path(resolve_input("100%").value(), 7) == "100%");
  CHECK(frame_path(resolve_input("manifest.json").value(), 7) == "manifest.json");
  for (const char* pattern : {"p.%04d.png", "p.%d.png", "a%04d/p.{frame}.png", "../p.png", "{frame}{frame}"}) {
    const auto refused = resolve_input(pattern);
    INFO(pattern);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("output") == std::string::npos);
  }
  CHECK(resolve_input("p.%04d.png").error().hint == "write {frame:04} for the frame");
  CHECK_FALSE(resolve_output("50% done/p.exr", {}).ok());
}

TEST_CASE("tokens become their values and the frame a printf pattern") {
  CHECK(resolved("{show}/{sequence}/{shot}_{layer}_t{variant:02}_v{version:03}.{frame:04}.exr") ==
        "show/seq/sh_comp_t02_v007.%04d.exr");
  CHECK(resolved("{frame}.exr") == "%d.exr");
  CHECK(resolved("v{version}") == "v7");
}

TEST_CASE("a missing sequence takes its own part with it, and nothing else") {
  const OutputTokens tokens{"show", "", "sh", "comp", 0, 1};
  CHECK(resolved("{sequence}/{shot}", tokens) == "sh");
  CHECK(resolved("a/{sequence}/{shot}", tokens) == "a/sh");
  CHECK(resolved("a{sequence}/{shot}", tokens) == "a/sh");
  CHECK(resolved("a/{sequence}_{shot}", tokens) == "a/_sh");
}

TEST_CASE("frames are written as printf would write them") {
  for (const Frame frame : {0, 5, -5, 1001, -1001, 123456, 9'999'999, -9'999'999}) {
    for (const int width : {1, 2, 4, 5, 9}) {
      char expected[64];
      std::snprintf(expected, sizeof expected, "a.%0*d.exr", width, frame);
      CHECK(frame_path(fmt::format("a.%0{}d.exr", width), frame) == expected);
    }
    CHECK(frame_path("a.%d.exr", frame) == fmt::format("a.{}.exr", frame));
    CHECK(frame_path("a.mp4", frame) == "a.mp4");
  }
}

TEST_CASE("paths that could leave their root are unsafe") {
  for (const char* path : {"",
                           "/",
                           "/a",
                           "a/",
                           "a//b",
                           "..",
                           "../a",
                           "a/..",
                           "a/../b",
                           ".",
                           "./a",
                           "a/./b",
                           "a\\b",
                           "a\tb",
                           "a\x7f",
                           "a%b",
                           ".framemill/x",
                           "a/.framemill",
                           "manifest.json",
                           "a/manifest.json",
                           "a/manifest.job12.json"}) {
    INFO(path);
    CHECK_FALSE(check_safe_path(path).ok());
  }
  CHECK_FALSE(check_safe_path(std::string(201, 'a')).ok());
  CHECK_FALSE(check_safe_path("a/" + std::string(201, 'a')).ok());
  std::string deep = "a";
  while (deep.size() <= 1'024) deep += "/a";
  CHECK_FALSE(check_safe_path(deep).ok());
  for (const char* path : {"a", "a/b", "..a/b..", "a.b/.hidden", "manifest.json/x", "\u00e9t\u00e9/a"}) {
    INFO(path);
    CHECK(check_safe_path(path).ok());
  }
}

TEST_CASE("patterns collide exactly where they share a name") {
  const auto collide = [](const char* a, const char* a_frames, const char* b, const char* b_frames) {
    const bool one = may_collide(a, frames(a_frames), b, frames(b_frames));
    CHECK(one == may_collide(b, frames(b_frames), a, frames(a_frames)));
    return one;
  };
  CHECK(collide("x.%04d.exr", "1-10", "x.%04d.exr", "10-20"));
  CHECK_FALSE(collide("x.%04d.exr", "1-10", "x.%04d.exr", "11-20"));
  CHECK_FALSE(collide("x.%04d.exr", "1-9999999x2", "x.%04d.exr", "2-9999998x2"));
  CHECK_FALSE(collide("x.%04d.exr", "1-999", "x.%d.exr", "1-999"));
  CHECK(collide("x.%04d.exr", "1-1000", "x.%d.exr", "1-1000"));
  CHECK(collide("x.%04d.exr", "-100", "x.%d.exr", "-100"));
  CHECK_FALSE(collide("x.%04d.exr", "-99", "x.%d.exr", "-99"));
  CHECK(collide("x.%01d.exr", "0", "x.%d.exr", "0"));
  CHECK(collide("x.0012.exr", "1", "x.%04d.exr", "1-12"));
  CHECK_FALSE(collide("x.0012.exr", "1", "x.%04d.exr", "1-11"));
  CHECK_FALSE(collide("x.12.exr", "1", "x.%04d.exr", "12"));
  CHECK(collide("x.mp4", "1", "x.mp4", "2"));
  CHECK(collide("x", "1", "x/%d", "1"));
  CHECK_FALSE(collide("x", "1", "xy/%d", "1"));
  CHECK(collide("a%d", "5", "a1%d", "5"));
  CHECK_FALSE(collide("a_%d", "5", "b_%d", "5"));
}

TEST_CASE("no collision of names goes unseen") {
  CHECK(rc::check([] {
    const auto pattern = [] {
      const std::string before = *rc::gen::element<std::string>("a", "a1", "a-", "a/", "", "1");
      const std::string token = *rc::gen::element<std::string>("%d", "%02d", "%03d", "5", "10", "012");
      const std::string after = *rc::gen::element<std::string>("", ".exr", "1", "0.exr", "/x");
      return before + token + after;
    };
    const auto some = [] {
      const Frame first = *rc::gen::inRange<Frame>(-30, 120);
      return FrameSet(first, first + *rc::gen::inRange<Frame>(0, 30));
    };
    const std::string a = pattern(), b = pattern();
    const FrameSet a_frames = some(), b_frames = some();
    std::set<std::string> names;
    for (std::int64_t i = 0; i < a_frames.count(); ++i) names.insert(frame_path(a, a_frames.nth(i)));
    bool shared = false;
    for (std::int64_t i = 0; i < b_frames.count(); ++i)
      shared = shared || names.contains(frame_path(b, b_frames.nth(i)));
    if (shared) RC_ASSERT(may_collide(a, a_frames, b, b_frames));
  }));
}

TEST_CASE("only one collision is reported for two layers, and equal names in different roots do not collide") {
  const FrameSet one = frames("1");
  const std::vector<NamedOutput> outputs{
      {0, "main", "x.%d", &one}, {0, "main", "x.%d", &one}, {1, "main", "x.%d", &one}, {2, "other", "x.%d", &one}};
  const auto found = colliding_outputs(outputs);
  CHECK(found == std::vector<std::pair<std::size_t, std::size_t>>{{0, 1}, {0, 2}});
}

}  // namespace
}  // namespace framemill::jobs
