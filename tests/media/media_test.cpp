// The real program, real frame files and the real ffmpeg.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "jobs/frame_rate.h"
#include "tests/media/media_farm.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_file.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

std::vector<wire::InputFile> painted(MediaFarm& farm, int count, const std::string& format = "exr") {
  std::vector<wire::InputFile> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(farm.paint("hb_0010", "comp", 0, 1001 + i, format));
  return inputs;
}

frames::Picture sheet_of(const MediaFarm& farm) {
  return frames::decode_frame(base::read_file(farm.staging / "0/sheet.png", 64 << 20).value()).value().picture;
}

// Pixels of about this colour, 0..255.
long count_colour(const frames::Picture& picture, int r, int g, int b) {
  long count = 0;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    const auto near = [&](std::size_t c, int v) {
      return std::abs(picture.rgb[i + c] * 255 - static_cast<float>(v)) < 1;
    };
    count += near(0, r) && near(1, g) && near(2, b);
  }
  return count;
}

}  // namespace

TEST_CASE("frames become a movie with a strip below the picture, tagged bt709") {
  MediaFarm farm;
  const auto made = farm.run("encode", encode_grant(painted(farm, 24)));
  INFO(made.diagnostics);
  REQUIRE(made.exit_status == 0);
  CHECK(made.output.find("progress 24 24\n") != std::string::npos);
  const auto probed = farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()});
  CHECK(probed.exit_status == 0);
  for (const char* fact :
       {"codec_name=h264", "width=512", "height=548", "pix_fmt=yuv420p", "r_frame_rate=12/1", "nb_frames=24",
        "color_space=bt709", "color_primaries=bt709", "color_transfer=bt709", "color_range=tv"}) {
    INFO(fact << " in " << probed.output);
    CHECK(probed.output.find(fact) != std::string::npos);
  }
}

TEST_CASE("a host without ffmpeg has a code of its own, which says nothing about the movie") {
  MediaFarm farm;
  const auto grant = encode_grant(painted(farm, 2));
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const auto made = farm.run("encode", grant);
  ::setenv("PATH", path.c_str(), 1);
  CHECK(made.exit_status != 0);
  INFO(made.diagnostics);
  CHECK(made.last_line() == "media.ffmpeg_missing: ffmpeg cannot be started (install the package ffmpeg)");
}

TEST_CASE("equal frames give equal movie bytes") {
  MediaFarm farm;
  const auto grant = encode_grant(painted(farm, 8, "png"));
  REQUIRE(farm.run("encode", grant).exit_status == 0);
  const auto first = base::read_file(farm.staging / "0/cut.mp4", 64 << 20).value();
  REQUIRE(farm.run("encode", grant).exit_status == 0);
  CHECK(base::read_file(farm.staging / "0/cut.mp4", 64 << 20).value() == first);
}

TEST_CASE("a movie without burn-in is the picture alone, made even") {
  MediaFarm farm;
  auto grant = encode_grant({farm.paint("hb_0010", "comp", 0, 1, "png", 33)});
  grant.mutable_recipe()->mutable_encode()->clear_burn_in();
  grant.mutable_recipe()->mutable_encode()->set_scale(1);
  REQUIRE(farm.run("encode", grant).exit_status == 0);
  const auto probed = farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()});
  CHECK(probed.output.find("width=34\n") != std::string::npos);
  CHECK(probed.output.find("height=34\n") != std::string::npos);
}

TEST_CASE("a movie says plainly which frame it lacks") {
  MediaFarm farm;
  auto inputs = painted(farm, 4);
  std::filesystem::remove(farm.root / inputs[2].path());
  const auto missing = farm.run("encode", encode_grant(inputs));
  CHECK(missing.exit_status == 1);
  CHECK(missing.last_line().find("input_not_visible") == 0);
  CHECK(missing.last_line().find("frame 1003 of hb_0010 comp") != std::string::npos);

  inputs[2] = farm.paint("hb_0010", "comp", 0, 1003, "exr", 32);
  const auto other_size = farm.run("encode", encode_grant(inputs));
  CHECK(other_size.exit_status == 1);
  CHECK(other_size.last_line().find("input.size: frame 1003 of hb_0010 comp (main:") == 0);
  CHECK(farm.run("encode", encode_grant({})).last_line().find("media.empty") == 0);
  auto odd = encode_grant(painted(farm, 1));
  odd.mutable_recipe()->mutable_encode()->set_codec("mpeg9");
  CHECK(farm.run("encode", odd).last_line().find("media.codec") == 0);
}

TEST_CASE("a sheet shows boards with the chosen one framed, and shots with ticks at window joins") {
  MediaFarm farm;
  auto grant = sheet_grant();
  for (std::uint32_t variant = 0; variant < 6; ++variant) {
    auto& row = add_row(grant, "hb", "boards", 0, variant, "1001-1016");
    row.set_chosen(variant == 1 || variant == 4);
    for (int frame = 1001; frame <= 1016; ++frame) *grant.add_inputs() = farm.paint("hb", "boards", variant, frame);
  }
  for (std::uint32_t shot = 0; shot < 2; ++shot) {
    const std::string name = shot == 0 ? "hb_0010" : "hb_0020";
    auto& row = add_row(grant, name, "shot_" + name, 1 + shot, 0, "993-1104");
    row.set_prompt("calm harbor at dusk, red boat moving left, camera pans right");
    for (int join = 1009; join <= 1104; join += 14) row.add_window_joins(join);
    for (int frame = 993; frame <= 1104; ++frame) *grant.add_inputs() = farm.paint(name, "shot_" + name, 0, frame);
  }
  const auto made = farm.run("sheet", grant);
  INFO(made.diagnostics);
  REQUIRE(made.exit_status == 0);
  const auto picture = sheet_of(farm);
  CHECK(picture.width == 2 * 40 + 7 * 192 + 6 * 12);
  CHECK(count_colour(picture, 230, 159, 0) > 2 * 4 * 4 * 192);  // two frames of 4 pixels around tiles of 192
  CHECK(count_colour(picture, 86, 180, 233) >= 14 * 33);        // ticks
  CHECK(count_colour(picture, 44, 34, 32) == 0);                // nothing failed
  CHECK(count_colour(picture, 34, 34, 38) == 0);                // nothing is missing
}

TEST_CASE("a frame that is not there, has failed or cannot be read is a marked tile") {
  MediaFarm farm;
  auto grant = sheet_grant();
  auto& row = add_row(grant, "hb_0010", "comp", 0, 0, "1001-1032");
  for (int frame = 1001; frame <= 1032; ++frame) {
    if (frame == 1009 || (frame >= 1020 && frame <= 1022)) continue;
    *grant.add_inputs() = farm.paint("hb_0010", "comp", 0, frame);
  }
  row.set_failed_frames("1020-1022");
  std::ofstream(farm.root / "hb_0010/comp_t00.1017.exr", std::ios::binary | std::ios::trunc) << "torn";
  const auto made = farm.run("sheet", grant);
  INFO(made.diagnostics);
  REQUIRE(made.exit_status == 0);
  const auto picture = sheet_of(farm);
  // Two tiles of frames that were not made or cannot be read, 1009 and 1017, and one of the failed run between two
  // samples; each mostly its ground, and the two kinds are told apart by it.
  const double missing = static_cast<double>(count_colour(picture, 34, 34, 38)) / (192 * 192);
  CHECK(missing > 1.7);
  CHECK(missing < 2.0);
  const double failed = static_cast<double>(count_colour(picture, 44, 34, 32)) / (192 * 192);
  CHECK(failed > 0.8);
  CHECK(failed < 1.0);
}

TEST_CASE("a plate from outside the farm that is not a picture fails a sheet, and one that is not there is missing") {
  MediaFarm farm;
  auto grant = sheet_grant();
  add_row(grant, "hb_0010", "comp", 0, 0, "1001-1003");
  for (int frame = 1001; frame <= 1003; ++frame) {
    auto& input = *grant.add_inputs();
    input = farm.paint("hb_0010", "comp", 0, frame);
    input.clear_sha256();
    input.clear_size_bytes();
  }
  std::filesystem::remove(farm.root / "hb_0010/comp_t00.1002.exr");
  grant.mutable_recipe()->mutable_sheet()->set_every(1);
  REQUIRE(farm.run("sheet", grant).exit_status == 0);
  CHECK(count_colour(sheet_of(farm), 34, 34, 38) > 0.8 * 192 * 192);
  std::ofstream(farm.root / "hb_0010/comp_t00.1003.exr", std::ios::binary | std::ios::trunc) << "torn";
  const auto torn = farm.run("sheet", grant);
  CHECK(torn.exit_status == 1);
  CHECK(torn.last_line().find("input.unreadable: frame 1003 of hb_0010 comp (main:hb_0010/comp_t00.1003.exr)") == 0);
}

TEST_CASE("storage that fails while inputs are read is reported as such, with its root") {
  MediaFarm farm;
  auto unreadable = farm.paint("hb_0010", "comp", 0, 1001);
  unreadable.set_root("memory");  // EIO, from the kernel
  unreadable.set_path("mem");
  unreadable.clear_sha256();
  unreadable.clear_size_bytes();
  farm.roots.emplace_back("memory", "/proc/self");
  const auto encoded = farm.run("encode", encode_grant({unreadable}));
  CHECK(encoded.exit_status == 1);
  CHECK(encoded.last_line().starts_with("storage_failed in memory: "));

  auto grant = sheet_grant();
  add_row(grant, "hb_0010", "comp", 0, 0, "1001");
  unreadable.set_sha256(std::string(32, 'x'));  // a frame of the farm's own: it is not lost
  *grant.add_inputs() = unreadable;
  const auto sheet = farm.run("sheet", grant);
  CHECK(sheet.exit_status == 1);
  CHECK(sheet.last_line().starts_with("storage_failed in memory: "));
}

TEST_CASE("a sheet of nothing but absent frames is still a sheet") {
  MediaFarm farm;
  auto grant = sheet_grant();
  add_row(grant, "hb_0010", "comp", 0, 0, "1001-1096");
  REQUIRE(farm.run("sheet", grant).exit_status == 0);
  CHECK(count_colour(sheet_of(farm), 34, 34, 38) > 10 * 192 * 192);
}

TEST_CASE("digest prints what sha256sum and docs/digests.md say") {
  MediaFarm farm;
  const auto input = farm.paint("hb_0010", "comp", 0, 1001);
  const auto file = (farm.root / input.path()).string();
  const auto digests = frames::digest_of_bytes(base::read_file(file, 1 << 20).value()).value();
  const auto told = farm.run_tool({"digest", file});
  CHECK(told.exit_status == 0);
  CHECK(told.output == digests.bytes.hex() + " " + digests.samples.hex() + "  " + file + "\n");
  CHECK(farm.run_tool({"digest", file + ".not"}).exit_status == 1);
  CHECK(farm.run_tool({"probe", file}).output.find("framemill:shot=hb_0010\n") != std::string::npos);
}

TEST_CASE("a movie has exactly the rate that was ordered, as ffprobe reads it") {
  MediaFarm farm;
  auto grant = encode_grant(painted(farm, 12));
  auto& encode = *grant.mutable_recipe()->mutable_encode();
  encode.clear_burn_in();
  encode.set_scale(1);
  for (const char* rate : {"1/1",   "12/1",        "24000/1001", "24/1", "25/1", "30000/1001", "30/1",  "48000/1001",
                           "48/1",  "50/1",        "60000/1001", "60/1", "72/1", "96/1",       "100/1", "120000/1001",
                           "120/1", "240000/1001", "240/1",      "25/2", "47/3", "18018/1001"}) {
    const auto wanted = jobs::FrameRate::parse(rate).value();
    encode.set_fps_num(wanted.num);
    encode.set_fps_den(wanted.den);
    encode.set_fps(wanted.value());
    REQUIRE(farm.run("encode", grant).exit_status == 0);
    const auto probed = farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()});
    INFO(rate << " in " << probed.output);
    CHECK(probed.output.find(fmt::format("r_frame_rate={}/{}\n", wanted.num, wanted.den)) != std::string::npos);
    CHECK(probed.output.find("nb_frames=12\n") != std::string::npos);
  }
}

TEST_CASE("a rate from a scheduler that knows no fractions means what people mean by it") {
  MediaFarm farm;
  auto grant = encode_grant(painted(farm, 4));
  for (const auto& [fps, exact] : {std::pair{23.976, "24000/1001"}, {119.88, "120000/1001"}, {12.5, "25/2"}}) {
    grant.mutable_recipe()->mutable_encode()->set_fps(fps);
    REQUIRE(farm.run("encode", grant).exit_status == 0);
    const auto probed = farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()});
    CHECK(probed.output.find(fmt::format("r_frame_rate={}\n", exact)) != std::string::npos);
  }
}

TEST_CASE("where nobody ordered a rate the plates' own counts, else 24 with a warning") {
  MediaFarm farm;
  auto grant = encode_grant({farm.plate(1, {30000, 1001}), farm.plate(2, {30000, 1001})});
  grant.mutable_recipe()->mutable_encode()->set_fps_from_inputs(true);
  REQUIRE(farm.run("encode", grant).exit_status == 0);
  CHECK(farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()}).output.find("r_frame_rate=30000/1001\n") !=
        std::string::npos);
  auto without = encode_grant(painted(farm, 2));
  without.mutable_recipe()->mutable_encode()->set_fps_from_inputs(true);
  const auto made = farm.run("encode", without);
  REQUIRE(made.exit_status == 0);
  CHECK(made.diagnostics.find("24 frames per second") != std::string::npos);
  CHECK(farm.run_tool({"probe", (farm.staging / "0/cut.mp4").string()}).output.find("r_frame_rate=24/1\n") !=
        std::string::npos);
}
