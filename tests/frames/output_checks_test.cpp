#include "worker/frames/output_checks.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace framemill;

namespace {

std::vector<frames::Picture> window_of(int count, float level) {
  std::vector<frames::Picture> window;
  for (int i = 0; i < count; ++i) {
    frames::Picture picture{4, 2, frames::ColourSpace::Srgb, std::vector<float>(24, level)};
    picture.rgb[3] += 1e-6f * static_cast<float>(i);
    window.push_back(picture);
  }
  return window;
}

}  // namespace

TEST_CASE("a window of good frames passes, also a dark and calm one") {
  CHECK_FALSE(frames::check_window(window_of(4, 0.5f), 1001, {4, 2}));
  CHECK_FALSE(frames::check_window(window_of(4, 1e-5f), 1001, {4, 2}));
}

TEST_CASE("each fault is found with its code and frame") {
  auto window = window_of(4, 0.5f);
  window[2].rgb[7] = std::numeric_limits<float>::quiet_NaN();
  auto finding = frames::check_window(window, 1001, {4, 2});
  REQUIRE(finding);
  CHECK(finding->code == "frames.nan");
  CHECK(finding->frame == 1003);

  window = window_of(4, 0.5f);
  window[1].rgb[0] = std::numeric_limits<float>::infinity();
  CHECK(frames::check_window(window, 1001, {4, 2})->frame == 1002);

  window = window_of(4, 0.5f);
  window[3].rgb.assign(24, 0.0f);
  finding = frames::check_window(window, 1001, {4, 2});
  REQUIRE(finding);
  CHECK(finding->code == "frames.black");
  CHECK(finding->frame == 1004);

  window.assign(4, window_of(1, 0.5f)[0]);
  finding = frames::check_window(window, 1001, {4, 2});
  REQUIRE(finding);
  CHECK(finding->code == "frames.frozen");
  CHECK(finding->frame == 1001);

  finding = frames::check_window(window_of(2, 0.5f), -3, {8, 2});
  REQUIRE(finding);
  CHECK(finding->code == "frames.size");
  CHECK(finding->frame == -3);
}

TEST_CASE("a window of one frame is not frozen") {
  CHECK_FALSE(frames::check_window(window_of(1, 0.5f), 1, {4, 2}));
}

TEST_CASE("latents that are not numbers are found before they are written") {
  const std::vector<float> good{0, 1, -2}, bad{0, -std::numeric_limits<float>::infinity(), 1};
  CHECK_FALSE(frames::check_latents(good, 1001));
  REQUIRE(frames::check_latents(bad, 1017));
  CHECK(frames::check_latents(bad, 1017)->code == "frames.nan");
  CHECK(frames::check_latents(bad, 1017)->frame == 1017);
}
