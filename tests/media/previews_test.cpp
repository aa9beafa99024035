// Previews of published frames: what is drawn, and under which names.
#include "worker/media/previews.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <OpenImageIO/imagebuf.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "base/sha256.h"
#include "tests/media/media_farm.h"
#include "wire/convert.h"
#include "wire/preview_packets.h"
#include "worker/frames/frame_file.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

namespace fs = std::filesystem;

frames::Picture plain(int width, int height, float value, frames::ColourSpace space = frames::ColourSpace::Srgb) {
  frames::Picture picture{width, height, space, {}};
  picture.rgb.assign(picture.sample_count(), value);
  return picture;
}

wire::PublishOrder order_of(const std::vector<wire::InputFile>& inputs) {
  wire::PublishOrder order;
  wire::attempt_to_wire(jobs::AttemptId{{3, 0x2a}, 17}, *order.mutable_attempt());
  order.mutable_tasks()->set_job(5);
  order.mutable_tasks()->set_phase(1);
  order.mutable_tasks()->set_first(7);
  order.mutable_tasks()->set_count(1);
  order.set_root("main");
  for (const wire::InputFile& input : inputs) {
    wire::OutputFile& file = *order.add_files();
    file.set_path(input.path());
    file.set_frame(input.frame());
    file.set_size_bytes(input.size_bytes());
    file.set_sha256(input.sha256());
  }
  return order;
}

std::string digest_name(const wire::InputFile& input) {
  return base::to_hex({reinterpret_cast<const std::uint8_t*>(input.sha256().data()), input.sha256().size()}) + ".jpg";
}

struct PreviewFarm : MediaFarm {
  PreviewFarm() { roots.set("main", root); }
  fs::path directory() const { return root / ".framemill/previews/5"; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory())) found.insert(entry.path().filename());
    return found;
  }
  base::Result<std::size_t> make(const wire::PublishOrder& order) { return media::make_previews({order, roots, {}}); }

  frames::Roots roots;
};

}  // namespace

TEST_CASE("a preview is the average of what it stands for, and is never enlarged") {
  frames::Picture wide = plain(1024, 512, 0.0f);
  for (int y = 0; y < 512; ++y)
    for (int x = 0; x < 1024; x += 2) wide.rgb[static_cast<std::size_t>(y * 1024 + x) * 3] = 1.0f;
  const frames::Picture small = media::preview_of(wide);
  CHECK(small.width == 256);
  CHECK(small.height == 128);
  for (std::size_t i = 0; i < small.rgb.size(); i += 3) {
    REQUIRE(small.rgb[i] == Approx(0.5f));
    REQUIRE(small.rgb[i + 1] == 0.0f);
  }
  CHECK(media::preview_of(plain(40, 30, 0.5f)).width == 40);
  CHECK(media::preview_of(plain(300, 1200, 0.5f)).width == 64);
  CHECK(media::preview_of(plain(9000, 2, 0.5f)).height == 1);
  CHECK(media::preview_of(plain(257, 255, 0.25f)).rgb.back() == Approx(0.25f));
}

TEST_CASE("linear samples are shown in sRGB, and what is no number is black") {
  const auto value = [](float linear) {
    return media::preview_of(plain(512, 512, linear, frames::ColourSpace::LinearRec709)).rgb[0];
  };
  CHECK(value(0.18f) == Approx(0.4613f).margin(0.001));
  CHECK(value(40.0f) == 1.0f);
  CHECK(value(-1.0f) == 0.0f);
  CHECK(value(std::numeric_limits<float>::quiet_NaN()) == 0.0f);
  CHECK(value(std::numeric_limits<float>::infinity()) == 1.0f);
}

TEST_CASE("each published frame gets a picture named by its digest, and the order a strip of all of them") {
  PreviewFarm farm;
  std::vector<wire::InputFile> inputs;
  for (int frame = 1001; frame <= 1020; ++frame) inputs.push_back(farm.paint("hb", "comp", 0, frame, "exr", 512));
  CHECK(farm.make(order_of(inputs)).value() == 20);
  std::set<std::string> expected{"latest.jpg", "strip_1_7_3-000000000000002a-17_256x256x16_1001-1020.jpg"};
  for (const wire::InputFile& input : inputs) expected.insert(digest_name(input));
  CHECK(farm.names() == expected);

  OIIO::ImageBuf strip((farm.directory() / "strip_1_7_3-000000000000002a-17_256x256x16_1001-1020.jpg").string());
  REQUIRE(strip.read(0, 0, true, OIIO::TypeDesc::FLOAT));
  CHECK(strip.spec().width == 16 * 256);
  CHECK(strip.spec().height == 2 * 256);
  // Tile 18 stands in the second row, as its own picture does: the third of it is sky.
  OIIO::ImageBuf tile((farm.directory() / digest_name(inputs[18])).string());
  REQUIRE(tile.read(0, 0, true, OIIO::TypeDesc::FLOAT));
  const auto original = frames::decode_frame([&] {
    std::ifstream file(farm.root / inputs[18].path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }());
  const frames::Picture shown = frames::in_space(original->picture, frames::ColourSpace::Srgb);
  for (int channel = 0; channel < 3; ++channel) {
    const float in_tile = tile.getchannel(100, 60, 0, channel);
    CHECK(in_tile ==
          Approx(shown.rgb[static_cast<std::size_t>(120 * 512 + 200) * 3 + static_cast<std::size_t>(channel)])
              .margin(0.03));
    CHECK(strip.getchannel(2 * 256 + 100, 256 + 60, 0, channel) == Approx(in_tile).margin(0.03));
  }
  CHECK(fs::file_size(farm.directory() / "latest.jpg") == fs::file_size(farm.directory() / digest_name(inputs[19])));
}

TEST_CASE("an order that comes again changes nothing but the newest picture") {
  PreviewFarm farm;
  const auto order = order_of({farm.paint("hb", "comp", 0, 1001), farm.paint("hb", "comp", 0, 1002)});
  REQUIRE(farm.make(order).ok());
  const auto names = farm.names();
  const auto inode = [&](const std::string& name) {
    struct stat facts{};
    ::stat((farm.directory() / name).c_str(), &facts);
    return facts.st_ino;
  };
  const std::string strip = "strip_1_7_3-000000000000002a-17_64x64x2_1001-1002.jpg";
  REQUIRE(names.contains(strip));
  const auto before = inode(strip);
  REQUIRE(farm.make(order).ok());
  CHECK(farm.names() == names);
  CHECK(inode(strip) == before);
}

TEST_CASE("frames whose numbers do not fit into a name go into several strips") {
  PreviewFarm farm;
  std::vector<wire::InputFile> inputs;
  for (int i = 0; i < 40; ++i) inputs.push_back(farm.paint("hb", "comp", 0, 1001 + i * i * 7, "png", 16));
  REQUIRE(farm.make(order_of(inputs)).value() == 40);
  std::size_t tiles = 0;
  for (const std::string& name : farm.names()) {
    CHECK(name.size() < 255);
    if (!name.starts_with("strip_")) continue;
    const std::string frames = name.substr(name.rfind('_') + 1);
    tiles += static_cast<std::size_t>(jobs::FrameSet::parse(frames.substr(0, frames.size() - 4)).value().count());
  }
  CHECK(tiles == 40);
}

TEST_CASE("a frame that cannot be read has no picture, and the others have theirs") {
  PreviewFarm farm;
  std::vector<wire::InputFile> inputs{farm.paint("hb", "comp", 0, 1001), farm.paint("hb", "comp", 0, 1002),
                                      farm.paint("hb", "comp", 0, 1003)};
  std::ofstream(farm.root / inputs[1].path()) << "not a picture";
  CHECK(farm.make(order_of(inputs)).value() == 2);
  CHECK(farm.names().contains("strip_1_7_3-000000000000002a-17_64x64x2_1001x2.jpg") +
            farm.names().contains("strip_1_7_3-000000000000002a-17_64x64x2_1001,1003.jpg") ==
        1);
  CHECK_FALSE(farm.names().contains(digest_name(inputs[1])));
  CHECK(farm.make(order_of({inputs[1]})).value() == 0);
}

TEST_CASE("previews are written through no link") {
  PreviewFarm farm;
  const auto order = order_of({farm.paint("hb", "comp", 0, 1001)});
  const fs::path elsewhere = farm.path / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_directories(farm.root / ".framemill/previews");
  fs::create_directory_symlink(elsewhere, farm.directory());
  CHECK(farm.make(order).error().code == "media.preview");
  CHECK(fs::is_empty(elsewhere));
  fs::remove(farm.directory());
  fs::create_directories(farm.directory());
  std::ofstream(elsewhere / "precious") << "as it was";
  fs::create_symlink(elsewhere / "precious", farm.directory() / "latest.jpg");
  REQUIRE(farm.make(order).ok());
  CHECK(fs::file_size(elsewhere / "precious") == 9);
  CHECK_FALSE(fs::is_symlink(farm.directory() / "latest.jpg"));
}

TEST_CASE("the program serves one order after the other until its socket closes") {
  PreviewFarm farm;
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pair[1], 3);
    for (int fd = 4; fd < 64; ++fd) ::close(fd);
    const std::string program = std::string(FRAMEMILL_BIN_DIR) + "/framemill-media",
                      root = "main=" + farm.root.string();
    ::execl(program.c_str(), program.c_str(), "previews", "--root", root.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pair[1]);
  const auto ask = [&](const std::string& packet) {
    REQUIRE(::send(pair[0], packet.data(), packet.size(), 0) == static_cast<ssize_t>(packet.size()));
    std::string answer(wire::kPreviewPacketBytesMax, '\0');
    const ssize_t n = ::recv(pair[0], answer.data(), answer.size(), 0);
    REQUIRE(n > 0);
    return answer.substr(0, static_cast<std::size_t>(n));
  };
  const auto first = farm.paint("hb", "comp", 0, 1001), second = farm.paint("hb", "comp", 0, 1002);
  CHECK(ask(order_of({first}).SerializeAsString()) == wire::kPreviewsMade);
  CHECK(ask("\xff\xff\xff") == "the order cannot be read");
  auto other = order_of({second});
  other.set_root("unknown");
  CHECK(ask(other.SerializeAsString()) == "there is no root unknown");
  CHECK(ask(order_of({second}).SerializeAsString()) == wire::kPreviewsMade);
  CHECK(farm.names().contains(digest_name(second)));
  ::close(pair[0]);
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}
