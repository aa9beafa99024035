// What is read without OpenImageIO is what OpenImageIO reads; what is not simple is left to it.
#include "worker/frames/simple_frame.h"

#include <catch2/catch.hpp>

#include "tests/frames/exr_maker.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_file.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

void check_alike(const std::string& bytes) {
  const auto facts = frames::simple_frame_facts(bytes);
  const auto digest = frames::simple_samples_digest(bytes);
  REQUIRE(facts);
  REQUIRE(digest);
  const auto expected = frames::frame_facts(bytes).value();
  CHECK(facts->width == expected.width);
  CHECK(facts->height == expected.height);
  CHECK(facts->channels == expected.channels);
  CHECK(facts->is_grey == expected.is_grey);
  CHECK(facts->has_picture == expected.has_picture);
  CHECK(*digest == frames::samples_digest_of_frame(bytes).value());
}

void check_left_to_the_library(const std::string& bytes) {
  CHECK_FALSE(frames::simple_samples_digest(bytes));
  CHECK_FALSE(frames::simple_frame_facts(bytes));
}

ExrPart part(std::vector<std::string> channels, Box display = {0, 0, 24, 16}, Box data = {0, 0, 24, 16}) {
  return {"", std::move(channels), display, data};
}

frames::Picture grid(frames::ColourSpace space) {
  frames::Picture picture{16, 8, space, {}};
  picture.rgb.resize(picture.sample_count());
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = static_cast<float>(i % 61) / 61.0f;
  return picture;
}

}  // namespace

TEST_CASE("simple frame files have the facts and the samples digest that OpenImageIO gives them") {
  for (const auto format : {jobs::FrameFormat::Exr, jobs::FrameFormat::Png})
    check_alike(frames::encode_frame(grid(frames::ColourSpace::Srgb), format, {{"framemill:show", "x"}}).value().bytes);
  for (const std::vector<std::string>& channels :
       {std::vector<std::string>{"R", "G", "B"}, {"A", "B", "G", "R"}, {"Y"}})
    for (const bool tiled : {false, true})
      for (const bool full_float : {false, true}) {
        ExrPart made = part(channels);
        made.tiled = tiled;
        made.full_float = full_float;
        check_alike(make_exr({made}));
      }
  check_alike(make_exr({part({"R", "G", "B"}, {0, 0, 24, 16}, {-3, 2, 9, 5})}));  // a data window within and beyond
  check_alike(make_exr({part({"R", "G", "B"}, {10, 20, 24, 16}, {8, 18, 40, 30})}));
}

TEST_CASE("every other frame file is left to OpenImageIO") {
  check_left_to_the_library(make_exr({part({"R", "G", "B", "depth.Z"})}));
  check_left_to_the_library(make_exr({part({"beauty.R", "beauty.G", "beauty.B"})}));
  ExrPart mixed = part({"A", "B", "G", "R"});
  mixed.uint_channels = {"A"};
  check_left_to_the_library(make_exr({mixed}));
  ExrPart first = part({"R", "G", "B"}), second = part({"R", "G", "B"});
  first.name = "left";
  second.name = "right";
  check_left_to_the_library(make_exr({first, second}));
  check_left_to_the_library("<html>502</html>");
  check_left_to_the_library("");
}

TEST_CASE("a simple frame file that is cut or damaged has no quick digest") {
  for (const auto format : {jobs::FrameFormat::Exr, jobs::FrameFormat::Png}) {
    const std::string whole = frames::encode_frame(grid(frames::ColourSpace::Srgb), format, {}).value().bytes;
    for (std::size_t size = 0; size < whole.size(); size += 7)
      CHECK_FALSE(frames::simple_samples_digest(whole.substr(0, size)));
    std::string damaged = whole;
    damaged[whole.size() * 2 / 3] = static_cast<char>(damaged[whole.size() * 2 / 3] ^ 0x55);
    const auto quick = frames::simple_samples_digest(damaged);
    const auto library = frames::samples_digest_of_frame(damaged);
    if (quick) CHECK((library.ok() && *library == *quick));  // it never says yes where the library says no
  }
}
