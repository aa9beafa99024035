// framemill-media check on files as programs leave them; made by ffmpeg and OpenImageIO.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/text.h"
#include "tests/media/media_farm.h"
#include "wire/media.pb.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_file.h"
#include "worker/media/picture_vote.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

struct Check {
  Check() {
    request.mutable_recipe()->set_layer("grade");
    request.mutable_recipe()->set_root("main");
    request.mutable_recipe()->set_frames("1-20");
    request.mutable_recipe()->mutable_command()->add_argv("ffmpeg");
    std::filesystem::create_directories(farm.staging / "out");
  }
  std::filesystem::path file(const std::string& name) const { return farm.staging / "out" / name; }
  void expect(const std::string& name, int frame, bool has_frame = true) {
    wire::CheckFile& asked = *request.add_files();
    asked.set_staged("out/" + name);
    asked.set_path("shot/grade/" + name);
    asked.set_frame(frame);
    asked.set_has_frame(has_frame);
  }
  void text(const std::string& name, const std::string& bytes) {
    std::ofstream(file(name), std::ios::binary) << bytes;
    expect(name, 1);
  }
  void ffmpeg(const std::string& name, int frame, const std::string& source, const std::string& options = "") {
    const std::string command = fmt::format("ffmpeg -v error -f lavfi -i '{}' {} -y '{}'", source,
                                            options.empty() ? "-frames:v 1" : options, file(name).string());
    REQUIRE(std::system(command.c_str()) == 0);
    expect(name, frame);
  }
  wire::CheckReply run() {
    std::ofstream(farm.path / "check.bin", std::ios::binary) << request.SerializeAsString();
    const auto ended = farm.run_tool({"check", (farm.path / "check.bin").string(), "--root",
                                      "main=" + farm.root.string(), "--staging", farm.staging.string()});
    INFO(ended.diagnostics);
    REQUIRE(ended.exit_status == 0);
    wire::CheckReply reply;
    REQUIRE(reply.ParseFromString(base::read_file(farm.staging / "check.reply", 1 << 20).value()));
    return reply;
  }
  MediaFarm farm;
  wire::CheckRequest request;
};

std::string code_of(const wire::CheckReply& reply, int file) {
  for (const auto& checked : reply.files())
    if (checked.file() == static_cast<std::uint32_t>(file)) return checked.code();
  return "not looked at";
}

media::Ballot ballot(int frame, int width, int height, const std::string& channels = "R G B") {
  return {frame, {width, height, channels, channels == "Y", true}};
}

}  // namespace

TEST_CASE("pictures and movies of every kind pass, and what only has their names does not") {
  Check check;
  check.request.mutable_recipe()->mutable_command()->set_width(64);
  check.request.mutable_recipe()->mutable_command()->set_height(48);
  const std::vector<std::string> endings{"exr", "png", "jpg", "tif", "dpx", "bmp", "mov", "mkv", "mp4", "mxf"};
  for (const std::string& ending : endings)
    check.ffmpeg("good." + ending, 1, "testsrc=s=64x48:r=25:d=1",
                 ending.size() == 3 && ending[0] == 'm' ? "-pix_fmt yuv420p" : "");
  const auto reply = check.run();
  for (std::size_t i = 0; i < endings.size(); ++i) {
    INFO(endings[i]);
    CHECK(code_of(reply, static_cast<int>(i)).empty());
  }
  Check bad;
  for (const std::string& ending : endings) {
    bad.text("html." + ending, "<html><body>502 Bad Gateway</body></html>");
    bad.text("empty." + ending, "");
    const std::string whole = base::read_file(check.file("good." + ending), 8 << 20).value();
    bad.text("cut." + ending, whole.substr(0, whole.size() * 2 / 5));
  }
  bad.text("data.json", "{}");
  const auto faults = bad.run();
  for (std::size_t i = 0; i < endings.size(); ++i) {
    INFO(endings[i]);
    CHECK(code_of(faults, static_cast<int>(i) * 3) == "output.unreadable");
    CHECK(code_of(faults, static_cast<int>(i) * 3 + 1) == "output.empty");
    // A transport stream or Matroska file that is cut is a shorter one.
    if (endings[i] != "mkv") CHECK(code_of(faults, static_cast<int>(i) * 3 + 2) == "output.unreadable");
  }
  CHECK(code_of(faults, static_cast<int>(endings.size()) * 3) == "not looked at");
}

// As libgcrypt, which ffprobe links, does on a host where no memory can be locked.
TEST_CASE("a warning of a library on standard error is no fault of the movie") {
  Check check;
  check.ffmpeg("good.mov", 1, "testsrc=s=64x48:r=25:d=1", "-pix_fmt yuv420p");
  const std::filesystem::path tools = check.farm.path / "tools";
  std::filesystem::create_directory(tools);
  for (const char* name : {"ffprobe", "ffmpeg"}) {
    std::ofstream(tools / name) << "#!/bin/sh\necho 'Warning: using insecure memory!' >&2\nexec /usr/bin/" << name
                                << " \"$@\"\n";
    std::filesystem::permissions(tools / name, std::filesystem::perms::owner_all);
  }
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (tools.string() + ":" + path).c_str(), 1);
  const auto reply = check.run();
  ::setenv("PATH", path.c_str(), 1);
  CHECK(code_of(reply, 0).empty());
}

TEST_CASE("a playlist under a movie's name opens no other file") {
  Check check;
  check.ffmpeg("real.mp4", 1, "testsrc=s=64x48:r=25:d=1", "-pix_fmt yuv420p");
  check.text("list.mov", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nfile://" + check.file("real.mp4").string() +
                             "\n#EXT-X-ENDLIST\n");
  CHECK(code_of(check.run(), 1) == "output.unreadable");
}

TEST_CASE("a PNG under an EXR's name is not what its name says") {
  Check check;
  check.ffmpeg("a.png", 1, "testsrc=s=16x16");
  std::filesystem::rename(check.file("a.png"), check.file("a.exr"));
  check.request.clear_files();
  check.expect("a.exr", 1);
  const auto reply = check.run();
  CHECK(code_of(reply, 0) == "output.unreadable");
  CHECK(reply.files(0).message().find("it holds a PNG") != std::string::npos);
}

TEST_CASE("a picture measures what its input of the same frame does, unless the layer states a size") {
  Check check;
  *check.request.add_inputs() = check.farm.paint("hb", "raw", 0, 1, "exr", 64);
  *check.request.add_inputs() = check.farm.paint("hb", "raw", 0, 2, "exr", 32);
  check.ffmpeg("c.0001.png", 1, "testsrc=s=64x64");
  check.ffmpeg("c.0002.png", 2, "testsrc=s=64x64");
  check.ffmpeg("c.0001.jpg", 1, "testsrc=s=64x48");
  check.ffmpeg("grey.png", 1, "testsrc=s=64x64", "-frames:v 1 -pix_fmt gray");
  check.ffmpeg("alpha.png", 1, "testsrc=s=64x64", "-frames:v 1 -pix_fmt rgba");
  auto reply = check.run();
  CHECK(code_of(reply, 0).empty());
  CHECK(code_of(reply, 1) == "output.size");
  CHECK(reply.files(1).message().find("frame 2 (c.0002.png): it is 64 x 64 pixels; frame 2 of hb raw (main:") == 0);
  CHECK(reply.files(1).message().find("is 32 x 32 (state size") != std::string::npos);
  CHECK(code_of(reply, 2) == "output.size");
  CHECK(code_of(reply, 3) == "output.channels");
  CHECK(code_of(reply, 4).empty());
  check.request.mutable_recipe()->mutable_command()->set_width(64);
  check.request.mutable_recipe()->mutable_command()->set_height(64);
  reply = check.run();
  CHECK(code_of(reply, 1).empty());
  CHECK(code_of(reply, 2) == "output.size");
}

TEST_CASE("where there is no input the published frames of the layer decide") {
  Check check;
  check.request.mutable_recipe()->set_output_printf("hb/raw_t00.%04d.png");
  for (const int frame : {3, 5, 6}) check.farm.paint("hb", "raw", 0, frame, "png", 64);
  check.ffmpeg("raw_t00.0007.png", 7, "testsrc=s=32x32");
  check.ffmpeg("raw_t00.0008.png", 8, "testsrc=s=64x64");
  const auto reply = check.run();
  CHECK(code_of(reply, 0) == "output.size");
  CHECK(reply.files(0).message().find("frame 7 (raw_t00.0007.png): it is 32 x 32 pixels; frame ") == 0);
  CHECK(code_of(reply, 1).empty());
}

TEST_CASE("a published frame that turns out to be the odd one is reported, whichever format the layer has") {
  for (const std::string ending : {"png", "jpg", "tif"}) {
    Check check;
    check.request.mutable_recipe()->set_output_printf("hb/odd.%04d." + ending);
    std::filesystem::create_directories(check.farm.root / "hb");
    const auto publish = [&](int frame, const char* size) {
      const std::string name = fmt::format("odd.{:04}.{}", frame, ending);
      check.ffmpeg(name, frame, fmt::format("testsrc=s={}", size));
      std::filesystem::rename(check.file(name), check.farm.root / "hb" / name);
      check.request.clear_files();
    };
    publish(1, "32x32");
    publish(12, "64x64");
    publish(13, "64x64");
    check.ffmpeg("odd.0014." + ending, 14, "testsrc=s=64x64");
    const auto reply = check.run();
    CHECK(code_of(reply, 0).empty());
    REQUIRE(reply.odd_size() == 1);
    CHECK(reply.odd(0).frame() == 1);
    INFO(reply.odd(0).message());
    CHECK(reply.odd(0).message().find("frame 1, which is published: it is 32 x 32 pixels; frame 1") == 0);
    CHECK(reply.odd(0).message().find("64 x 64") != std::string::npos);
  }
}

TEST_CASE("the last frame of a layer without a majority is held to the others") {
  Check check;
  check.request.mutable_recipe()->set_frames("3-4");
  check.request.mutable_recipe()->set_output_printf("hb/raw_t00.%04d.png");
  check.farm.paint("hb", "raw", 0, 3, "png", 64);
  check.ffmpeg("raw_t00.0004.png", 4, "testsrc=s=32x32");
  const auto reply = check.run();
  CHECK(code_of(reply, 0) == "output.size");
  CHECK(reply.files(0).message().find("it is 32 x 32 pixels; frame 3 is 64 x 64") != std::string::npos);
  CHECK(reply.odd_size() == 0);
}

TEST_CASE("a picture measures what its input does, from a layer as from a root, in formats of other tools too") {
  Check check;
  std::filesystem::create_directories(check.farm.root / "plates");
  check.ffmpeg("plate.jpg", 1, "testsrc=s=48x32");
  std::filesystem::rename(check.file("plate.jpg"), check.farm.root / "plates/plate.0001.jpg");
  check.request.clear_files();
  check.ffmpeg("c.tif", 1, "testsrc=s=48x32");
  check.ffmpeg("d.tif", 1, "testsrc=s=64x64");
  wire::InputFile& plate = *check.request.add_inputs();
  plate.set_role(wire::InputFile::FRAME);
  plate.set_root("main");
  plate.set_path("plates/plate.0001.jpg");
  plate.set_frame(1);
  plate.set_for_all_tasks(true);
  for (const std::string layer : {"", "shot"}) {
    check.request.mutable_inputs(0)->set_layer(layer);
    const auto reply = check.run();
    CHECK(code_of(reply, 0).empty());
    CHECK(code_of(reply, 1) == "output.size");
    CHECK(reply.files(1).message().find("plates/plate.0001.jpg) is 48 x 32") != std::string::npos);
  }
}

TEST_CASE("check none gives EXR and PNG files their header and digest, and leaves all others as they are") {
  Check check;
  check.request.mutable_recipe()->set_unchecked(true);
  const auto input = check.farm.paint("hb", "raw", 0, 1);
  std::filesystem::copy_file(check.farm.root / input.path(), check.file("c.exr"));
  check.expect("c.exr", 1);
  check.text("page.png", "<html>");
  check.text("cut.jpg", "not a picture");
  const auto reply = check.run();
  REQUIRE(reply.files_size() == 1);
  CHECK(reply.files(0).file() == 0);
  CHECK(reply.files(0).code().empty());
  CHECK(reply.files(0).samples_sha256().size() == 32);
  const auto after = frames::decode_frame(base::read_file(check.file("c.exr"), 1 << 20).value()).value();
  CHECK(frames::attribute(after.attributes, "layer") == "grade");
  CHECK(base::read_file(check.file("page.png"), 1 << 20).value() == "<html>");
}

TEST_CASE("what a library says of a hostile file is text, whatever bytes it quotes") {
  Check check;
  check.request.mutable_recipe()->set_output_printf("hb/raw_t00.%04d.png");
  const auto input = check.farm.paint("hb", "raw", 0, 1);
  std::string bytes = base::read_file(check.farm.root / input.path(), 1 << 20).value();
  const std::size_t at = bytes.find("framemill:shot");
  REQUIRE(at != std::string::npos);
  // An attribute of Latin-1 name whose type is not what its size says: OpenEXR quotes both.
  bytes.replace(at, 14, "pr\xe9nom\x1b[2J\xff\xe4X");
  const std::size_t type = bytes.find("string", at);
  bytes.replace(type, 6, "v3f\0\0\0", 6);
  check.text("c.exr", bytes);
  check.request.mutable_files(0)->set_path("shot/c.exr");
  const auto reply = check.run();  // parses: proto3 refuses strings that are not UTF-8
  CHECK(base::is_utf8(reply.files(0).message()));
  CHECK(reply.files(0).message().find('\x1b') == std::string::npos);
}

TEST_CASE("most of the frames decide, and nobody where there is no majority") {
  using media::against_majority;
  const std::vector<media::Ballot> three{ballot(1, 64, 64), ballot(2, 64, 64), ballot(3, 32, 32)};
  REQUIRE(against_majority(three[2], three));
  CHECK(against_majority(three[2], three)->message.find("frame 1") != std::string::npos);
  CHECK_FALSE(against_majority(three[0], three));
  CHECK_FALSE(against_majority(three[0], {three[0], three[2]}));
  CHECK_FALSE(against_majority(three[2], {ballot(1, 64, 64), ballot(2, 48, 48)}));
  const auto other_channels = against_majority(ballot(4, 64, 64, "R G B A"), {three[0], three[1], ballot(5, 64, 64)});
  REQUIRE(other_channels);
  CHECK(other_channels->code == "output.channels");
  CHECK(against_majority(ballot(4, 64, 48), {three[0], three[1]})->code == "output.size");  // one side is enough
  CHECK_FALSE(against_majority(three[2], {three[2]}));
}

TEST_CASE("a file of the layer before gets this layer's header, and the input that it is linked to stays as it was") {
  Check check;
  const auto input = check.farm.paint("hb", "raw", 0, 1);
  const std::string before = base::read_file(check.farm.root / input.path(), 1 << 20).value();
  std::filesystem::create_hard_link(check.farm.root / input.path(), check.file("c.exr"));
  check.expect("c.exr", 1);
  check.request.mutable_recipe()->set_shot("hb_0010");
  const auto reply = check.run();
  CHECK(code_of(reply, 0).empty());
  CHECK(base::read_file(check.farm.root / input.path(), 1 << 20).value() == before);
  const auto after = frames::decode_frame(base::read_file(check.file("c.exr"), 1 << 20).value()).value();
  CHECK(frames::attribute(after.attributes, "layer") == "grade");
  CHECK(frames::attribute(after.attributes, "shot") == "hb_0010");
  CHECK(frames::attribute(after.attributes, "seed").empty());
  CHECK(frames::attribute(after.attributes, "model").empty());
  CHECK(frames::attribute(after.attributes, "device_class").empty());
  const auto samples = frames::digest_of_bytes(before).value().samples;
  CHECK(reply.files(0).samples_sha256() ==
        std::string(reinterpret_cast<const char*>(samples.bytes.data()), samples.bytes.size()));
}

TEST_CASE("an input that is cut is found also when the program was content with it") {
  for (const char* format : {"exr", "png"}) {
    Check check;
    const auto input = check.farm.paint("hb", "raw", 0, 1, format);
    *check.request.add_inputs() = input;
    check.ffmpeg("c.png", 1, "testsrc=s=64x64");
    CHECK(check.run().input_code().empty());
    std::filesystem::resize_file(check.farm.root / input.path(), input.size_bytes() - 20);
    check.request.mutable_inputs(0)->clear_size_bytes();
    const auto reply = check.run();
    CHECK(reply.input_code() == "input.unreadable");
    CHECK(reply.input_message().find("frame 1 of hb raw (main:hb/raw_t00.0001.") == 0);
  }
}
