// framemill-check: what it says of simple frame files is what framemill-media says; everything else it leaves to that.
#include <fmt/format.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "tests/media/media_farm.h"
#include "wire/media.pb.h"
#include "worker/media/library_reader.h"
#include "worker/media/quick_reader.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

struct Output {
  Output() {
    request.mutable_recipe()->set_layer("grade");
    request.mutable_recipe()->set_root("main");
    request.mutable_recipe()->set_frames("1-20");
    request.mutable_recipe()->mutable_command()->add_argv("ffmpeg");
    std::filesystem::create_directories(farm.staging / "out");
  }
  void ffmpeg(const std::string& name, const std::string& pixels, const std::string& options = "") {
    const std::filesystem::path file = farm.staging / "out" / name;
    REQUIRE(std::system(fmt::format("ffmpeg -v error -f lavfi -i testsrc=s=48x32 -frames:v 1 -pix_fmt {} {} -y '{}'",
                                    pixels, options, file.string())
                            .c_str()) == 0);
    wire::CheckFile& asked = *request.add_files();
    asked.set_staged("out/" + name);
    asked.set_path("shot/grade/" + name);
    asked.set_frame(request.files_size());
    asked.set_has_frame(true);
    asked.set_task(static_cast<std::uint32_t>(request.files_size() - 1));
  }
  std::string file(int index) const {
    return base::read_file(farm.staging / request.files(index).staged(), 8 << 20).value();
  }
  // What framemill-check says, with `media` for the rest.
  wire::CheckReply quick(const std::string& media, int* status = nullptr) {
    const std::string call = (farm.path / "check.bin").string();
    std::ofstream(call, std::ios::binary) << request.SerializeAsString();
    std::filesystem::remove(farm.staging / "check.reply");
    const int ended = std::system(fmt::format("'{}/framemill-check' '{}' --media '{}' --root 'main={}' --staging '{}' "
                                              ">'{}/said' 2>&1",
                                              FRAMEMILL_BIN_DIR, call, media, farm.root.string(), farm.staging.string(),
                                              farm.path.string())
                                      .c_str());
    if (status != nullptr) *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    wire::CheckReply reply;
    const auto bytes = base::read_file(farm.staging / "check.reply", 1 << 20);
    if (bytes.ok()) REQUIRE(reply.ParseFromString(*bytes));
    return reply;
  }
  wire::CheckReply media() {
    std::ofstream(farm.path / "check.bin", std::ios::binary) << request.SerializeAsString();
    const auto ended = farm.run_tool({"check", (farm.path / "check.bin").string(), "--root",
                                      "main=" + farm.root.string(), "--staging", farm.staging.string()});
    REQUIRE(ended.exit_status == 0);
    wire::CheckReply reply;
    REQUIRE(reply.ParseFromString(base::read_file(farm.staging / "check.reply", 1 << 20).value()));
    return reply;
  }
  MediaFarm farm;
  wire::CheckRequest request;
};

const std::string kMedia = FRAMEMILL_BIN_DIR "/framemill-media";

}  // namespace

TEST_CASE("framemill-check is not linked to OpenImageIO, which takes longer to link than most checks") {
  const std::string asked =
      fmt::format("LD_TRACE_LOADED_OBJECTS=1 '{}/framemill-check' | grep -q OpenImageIO", FRAMEMILL_BIN_DIR);
  CHECK(WEXITSTATUS(std::system(asked.c_str())) == 1);
}

TEST_CASE("of PNG and EXR files as ffmpeg writes them the quick reader says what the libraries say") {
  Output output;
  const std::vector<std::string> png{"rgb24", "rgba", "gray", "ya8", "rgb48be", "rgba64be", "gray16be", "ya16be"};
  for (const std::string& pixels : png) output.ffmpeg(pixels + ".png", pixels);
  for (const std::string pixels : {"gbrpf32", "gbrapf32", "grayf32"})
    for (const std::string options : {"-format half", "-format float -compression zip16", "-compression rle"})
      output.ffmpeg(fmt::format("{}{}.exr", pixels, output.request.files_size()), pixels, options);
  media::QuickReader quick;
  media::LibraryReader libraries;
  for (int i = 0; i < output.request.files_size(); ++i) {
    INFO(output.request.files(i).staged());
    const std::string bytes = output.file(i);
    const auto facts = quick.frame_facts(bytes);
    REQUIRE(facts.ok());
    const auto expected = libraries.frame_facts(bytes).value();
    CHECK((facts->width == expected.width && facts->height == expected.height));
    CHECK(facts->channels == expected.channels);
    CHECK((facts->is_grey == expected.is_grey && facts->has_picture == expected.has_picture));
    CHECK(quick.samples_digest(bytes).value() == libraries.samples_digest(bytes).value());
    CHECK(quick.check_frame_is_whole(bytes).ok());
  }
  CHECK_FALSE(quick.gave_up());
}

TEST_CASE("files that the quick reader does not know make it give up, and its answers count for nothing") {
  Output output;
  output.ffmpeg("palette.png", "pal8");
  output.ffmpeg("bits.png", "monob");
  media::QuickReader palette, bits;
  CHECK_FALSE(palette.samples_digest(output.file(0)).ok());
  CHECK(palette.gave_up());
  CHECK_FALSE(bits.frame_facts(output.file(1)).ok());
  CHECK(bits.gave_up());
  for (const std::string name : {"a.jpg", "a.mov"}) {
    media::QuickReader other;
    CHECK_FALSE(other.probe_picture(name, ".jpg").ok());
    CHECK(other.gave_up());
  }
}

TEST_CASE("framemill-check answers for simple files by itself, byte for byte as framemill-media does") {
  Output output;
  for (const std::string name : {"a.png", "b.png"}) output.ffmpeg(name, "rgb24");
  output.ffmpeg("c.exr", "gbrpf32", "-format half");
  int status = -1;
  const auto reply = output.quick("/nowhere/framemill-media", &status);
  CHECK(status == 0);
  REQUIRE(reply.files_size() == 3);
  CHECK(reply.files(0).samples_sha256().size() == 32);
  CHECK(reply.SerializeAsString() == output.media().SerializeAsString());
  CHECK(output.file(0).find("framemill:layer") != std::string::npos);
}

TEST_CASE("framemill-check becomes framemill-media for any other file, and for one that looks wrong") {
  for (const std::string name : {"a.jpg", "cut.png", "other.exr"}) {
    Output output;
    output.ffmpeg("good.png", "rgb24");
    output.ffmpeg(name, name == "a.jpg" ? "yuvj420p" : name == "cut.png" ? "rgb24" : "gbrpf32");
    const std::filesystem::path file = output.farm.staging / output.request.files(1).staged();
    if (name == "cut.png") std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    if (name == "other.exr") std::ofstream(file, std::ios::binary) << "<html>502</html>";
    int status = -1;
    const auto reply = output.quick(kMedia, &status);
    INFO(name);
    CHECK(status == 0);
    REQUIRE(reply.files_size() == 2);
    CHECK(reply.files(1).code() == (name == "a.jpg" ? "" : "output.unreadable"));
    CHECK(reply.SerializeAsString() == output.media().SerializeAsString());
    (void)output.quick("/nowhere/framemill-media", &status);
    CHECK(status == 1);
    CHECK(base::read_file(output.farm.path / "said", 4096).value().find("host.installation: start /nowhere") !=
          std::string::npos);
  }
}
