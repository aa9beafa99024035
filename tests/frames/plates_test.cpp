// Plates as other tools write them: EXR files made by the OpenEXR library, PNG files made by ffmpeg.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "tests/frames/exr_maker.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/plate.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

constexpr Box kSmall{0, 0, 8, 4};

std::array<float, 3> pixel(const frames::Picture& picture, int x, int y) {
  const std::size_t at =
      (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(x)) * 3;
  return {picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]};
}

std::array<float, 3> sampled(std::array<std::size_t, 3> channels, int x, int y) {
  return {exr_sample(channels[0], x, y), exr_sample(channels[1], x, y), exr_sample(channels[2], x, y)};
}

frames::DecodedFrame decoded(const std::string& bytes) {
  auto result = frames::decode_frame(bytes);
  INFO((result.ok() ? "" : result.error().message));
  REQUIRE(result.ok());
  return std::move(result).value();
}

constexpr std::array<float, 3> kBlack{0, 0, 0};

class PlateRoot {
 public:
  PlateRoot()
      : path_(std::filesystem::temp_directory_path() / fmt::format("framemill-plates-{:016x}", base::random_u64())) {
    std::filesystem::create_directories(path_);
    roots.set("plates", path_);
  }
  ~PlateRoot() { std::filesystem::remove_all(path_); }
  wire::InputFile put(int frame, const std::string& bytes, const std::string& extension = "exr") {
    wire::InputFile input;
    input.set_root("plates");
    input.set_path(fmt::format("sc010.{}.{}", frame, extension));
    input.set_frame(frame);
    std::ofstream(path_ / input.path(), std::ios::binary) << bytes;
    return input;
  }
  frames::Roots roots;

 private:
  std::filesystem::path path_;
};

std::string png_by_ffmpeg(const std::string& source, const std::string& format) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("framemill-{:016x}.png", base::random_u64());
  const std::string command =
      fmt::format("ffmpeg -v error -f lavfi -i '{}' -frames:v 1 -pix_fmt {} -y '{}'", source, format, file.string());
  REQUIRE(std::system(command.c_str()) == 0);
  std::string bytes = base::read_file(file, 1 << 20).value();
  std::filesystem::remove(file);
  return bytes;
}

}  // namespace

TEST_CASE("a data window smaller than the display window leaves black around it") {
  for (const bool tiled : {false, true}) {
    const auto frame = decoded(make_exr({{"", {"B", "G", "R"}, {0, 0, 12, 10}, {3, 2, 5, 4}, tiled}}));
    CHECK(frame.picture.width == 12);
    CHECK(frame.picture.height == 10);
    CHECK(pixel(frame.picture, 2, 2) == kBlack);
    CHECK(pixel(frame.picture, 8, 2) == kBlack);
    CHECK(pixel(frame.picture, 3, 1) == kBlack);
    CHECK(pixel(frame.picture, 3, 6) == kBlack);
    CHECK(pixel(frame.picture, 3, 2) == sampled({2, 1, 0}, 3, 2));
    CHECK(pixel(frame.picture, 7, 5) == sampled({2, 1, 0}, 7, 5));
  }
}

TEST_CASE("overscan beyond the display window is cut, wherever the display window begins") {
  const auto overscan = decoded(make_exr({{"", {"R", "G", "B"}, {0, 0, 6, 4}, {-2, -3, 10, 11}}}));
  CHECK(overscan.picture.width == 6);
  CHECK(overscan.picture.height == 4);
  CHECK(pixel(overscan.picture, 0, 0) == sampled({0, 1, 2}, 0, 0));
  CHECK(pixel(overscan.picture, 5, 3) == sampled({0, 1, 2}, 5, 3));
  const auto moved = decoded(make_exr({{"", {"R", "G", "B"}, {10, 20, 6, 4}, {8, 22, 4, 30}}}));
  CHECK(moved.picture.width == 6);
  CHECK(pixel(moved.picture, 0, 2) == sampled({0, 1, 2}, 10, 22));
  CHECK(pixel(moved.picture, 1, 3) == sampled({0, 1, 2}, 11, 23));
  CHECK(pixel(moved.picture, 2, 2) == kBlack);
  CHECK(pixel(moved.picture, 0, 1) == kBlack);
}

TEST_CASE("a data window wholly outside the display window is a black picture") {
  const auto frame = decoded(make_exr({{"", {"R", "G", "B"}, {0, 0, 4, 4}, {100, 100, 2, 2}}}));
  CHECK(frame.picture.width == 4);
  CHECK(std::all_of(frame.picture.rgb.begin(), frame.picture.rgb.end(), [](float v) { return v == 0; }));
}

TEST_CASE("the picture is R, G and B by name among forty other channels") {
  std::vector<std::string> channels{"A", "B", "G", "R", "Z"};
  for (int i = 0; i < 40; ++i) channels.push_back(fmt::format("aov{:02}.{}", i / 3, "RGB"[i % 3]));
  const auto frame = decoded(make_exr({{"", channels, kSmall, kSmall}}));
  CHECK(frame.channels == std::vector<std::string>{"R", "G", "B"});
  CHECK(pixel(frame.picture, 3, 1) == sampled({3, 2, 1}, 3, 1));
}

TEST_CASE("the first part that has R, G and B is the picture, and the only layer that has them where none is plain") {
  const auto parts = decoded(make_exr({{"depth", {"Z"}, kSmall, kSmall},
                                       {"rgba", {"A", "B", "G", "R"}, kSmall, {1, 1, 3, 3}},
                                       {"crypto", {"R", "G", "B"}, kSmall, kSmall}}));
  CHECK(pixel(parts.picture, 1, 1) == sampled({3, 2, 1}, 1, 1));
  CHECK(pixel(parts.picture, 0, 0) == kBlack);
  const auto layer = decoded(
      make_exr({{"depth", {"Z"}, kSmall, kSmall},
                {"all", {"N.X", "N.Y", "N.Z", "beauty.A", "beauty.B", "beauty.G", "beauty.R"}, kSmall, kSmall}}));
  CHECK(layer.channels == std::vector<std::string>{"beauty.R", "beauty.G", "beauty.B"});
  CHECK(pixel(layer.picture, 2, 3) == sampled({6, 5, 4}, 2, 3));
  const auto houdini = decoded(make_exr({{"", {"C.r", "C.g", "C.b", "Pz"}, kSmall, kSmall}}));
  CHECK(pixel(houdini.picture, 2, 3) == sampled({0, 1, 2}, 2, 3));
  const auto plain_first =
      decoded(make_exr({{"", {"diffuse.R", "diffuse.G", "diffuse.B", "R", "G", "B"}, kSmall, kSmall}}));
  CHECK(pixel(plain_first.picture, 2, 3) == sampled({3, 4, 5}, 2, 3));
}

TEST_CASE("a file in which the picture cannot be identified is refused with its parts and channels") {
  const auto two = frames::decode_frame(
      make_exr({{"", {"beauty.R", "beauty.G", "beauty.B", "spec.R", "spec.G", "spec.B"}, kSmall, kSmall}}));
  REQUIRE_FALSE(two.ok());
  CHECK(two.error().code == "frames.channels");
  CHECK(two.error().message.find("beauty.R, beauty.G, beauty.B, spec.R, spec.G, spec.B") != std::string::npos);
  const auto none =
      frames::decode_frame(make_exr({{"depth", {"Z"}, kSmall, kSmall}, {"mask", {"matte", "alpha"}, kSmall, kSmall}}));
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == "frames.channels");
  CHECK(none.error().message.find("part 0 \"depth\": Z; part 1 \"mask\": ") != std::string::npos);
  CHECK(none.error().message.find("matte") != std::string::npos);
}

TEST_CASE("a picture is grey where its only channel is Y, and a lone Z or R is not a picture") {
  const auto grey = decoded(make_exr({{"", {"Y"}, kSmall, kSmall}}));
  CHECK(pixel(grey.picture, 4, 2) == sampled({0, 0, 0}, 4, 2));
  CHECK(grey.channels == std::vector<std::string>{"Y", "Y", "Y"});
  CHECK(frames::decode_frame(make_exr({{"", {"Z"}, kSmall, kSmall}})).error().code == "frames.channels");
  CHECK(frames::decode_frame(make_exr({{"", {"R"}, kSmall, kSmall}})).error().code == "frames.channels");
  CHECK(frames::decode_frame(make_exr({{"", {"Y", "Z"}, kSmall, kSmall}})).error().code == "frames.channels");
  for (const char* format : {"gray", "gray16be", "ya8", "ya16be"}) {
    INFO(format);
    const auto png = decoded(png_by_ffmpeg("color=c=0x808080:s=6x4", format));
    const auto [r, g, b] = pixel(png.picture, 3, 2);
    CHECK(r == Approx(128.0 / 255).margin(0.01));
    CHECK(g == r);
    CHECK(b == r);
  }
  const auto palette = decoded(png_by_ffmpeg("color=c=0xff0000:s=6x4", "pal8"));
  CHECK(pixel(palette.picture, 0, 0)[0] > 0.95f);
  CHECK(pixel(palette.picture, 0, 0)[1] == 0);
}

TEST_CASE("what is transparent in a PNG is black") {
  const auto half_clear = decoded(png_by_ffmpeg("color=c=0xffffff@0.5:s=4x4,format=rgba", "rgba"));
  CHECK(pixel(half_clear.picture, 1, 1)[0] == Approx(0.5).margin(0.01));
  const auto clear = decoded(png_by_ffmpeg("color=c=0xffffff@0.0:s=4x4,format=rgba", "rgba"));
  CHECK(pixel(clear.picture, 1, 1) == kBlack);
}

TEST_CASE("a plate with a sample that is not a number names frame, file and channel") {
  PlateRoot root;
  const ExrPart nan{"", {"B", "G", "R"}, kSmall, kSmall, false, true, {}, {}, [](std::size_t c, int x, int y) {
                      return c == 1 && x == 5 && y == 2 ? std::numeric_limits<float>::quiet_NaN() : 0.5f;
                    }};
  const auto found = frames::read_plate(root.roots, root.put(1003, make_exr({nan})));
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == "input.nan");
  for (const char* word : {"frame 1003", "plates:sc010.1003.exr", "channel G", "NaN", "5, 2"}) {
    INFO(word << " in " << found.error().message);
    CHECK(found.error().message.find(word) != std::string::npos);
  }
  const ExrPart infinite{"", {"C.R", "C.G", "C.B"}, kSmall, kSmall, false, false, {}, {}, [](std::size_t c, int, int) {
                           return c == 2 ? std::numeric_limits<float>::infinity() : 0.5f;
                         }};
  const auto bright = frames::read_plate(root.roots, root.put(1004, make_exr({infinite})));
  REQUIRE_FALSE(bright.ok());
  CHECK(bright.error().code == "input.nan");
  CHECK(bright.error().message.find("channel C.B is infinite") != std::string::npos);
  // In overscan, or in a channel that is not the picture, it harms nobody.
  const ExrPart outside{
      "", {"B", "G", "R", "Z"}, {0, 0, 4, 4}, {0, 0, 8, 4}, false, true, {}, {}, [](std::size_t c, int x, int) {
        return c == 3 || x > 4 ? std::numeric_limits<float>::quiet_NaN() : 0.5f;
      }};
  CHECK(frames::read_plate(root.roots, root.put(1005, make_exr({outside}))).ok());
}

TEST_CASE("a plate that is cut, damaged, empty or of another kind is named and final") {
  PlateRoot root;
  const std::string exr = make_exr({{"", {"R", "G", "B"}, {0, 0, 64, 64}, {0, 0, 64, 64}}});
  const std::string png = png_by_ffmpeg("testsrc=s=64x64", "rgb24");
  const auto code = [&](const std::string& bytes, const char* extension) {
    const auto found = frames::read_plate(root.roots, root.put(1007, bytes, extension));
    if (found.ok()) return std::string("read");
    INFO(found.error().message);
    CHECK(found.error().message.find("frame 1007 (plates:sc010.1007.") != std::string::npos);
    CHECK(found.error().message.find("frame.exr") == std::string::npos);
    return found.error().code;
  };
  CHECK(code(exr, "exr") == "read");
  CHECK(code(png, "png") == "read");
  for (const std::size_t cut : {0ul, 3ul, 100ul, exr.size() / 2, exr.size() - 1})
    CHECK(code(exr.substr(0, cut), "exr") == "input.unreadable");
  for (const std::size_t cut : {7ul, 60ul, png.size() / 2, png.size() - 12, png.size() - 1})
    CHECK(code(png.substr(0, cut), "png") == "input.unreadable");
  CHECK(code("<html><body>502 Bad Gateway</body></html>", "exr") == "input.unreadable");
  std::string damaged = png;
  damaged[png.size() / 2] = static_cast<char>(damaged[png.size() / 2] ^ 0x55);
  CHECK(code(damaged, "png") == "input.unreadable");
  CHECK(code(make_exr({{"", {"Z"}, kSmall, kSmall}}), "exr") == "input.channels");
}

TEST_CASE("a header that claims more samples than the limit of bytes is refused before they are made room for") {
  std::string huge = make_exr({{"", {"R", "G", "B"}, {0, 0, 4, 4}, {0, 0, 4, 4}}});
  const std::size_t at = huge.find("dataWindow");
  for (const std::size_t field : {8ul, 12ul}) {  // right and bottom
    const std::size_t value = at + std::string("dataWindow").size() + 1 + std::string("box2i").size() + 1 + 4 + field;
    huge[value + 2] = '\x01';  // 65,539
  }
  const auto found = frames::decode_frame(huge);
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code != "frames.channels");
}
