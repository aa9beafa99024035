#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/os_error.h"
#include "base/sha256.h"
#include "worker/frames/root_file.h"
#include "worker/frames/staged_file.h"

using namespace framemill;
namespace fs = std::filesystem;

namespace {

struct TemporaryDirectory {
  fs::path path = fs::temp_directory_path() / ("framemill-frames-" + std::to_string(base::random_u64()));
  TemporaryDirectory() { fs::create_directories(path / "root" / "shot"); }
  ~TemporaryDirectory() { fs::remove_all(path); }
};

void put(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string raw(const base::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

wire::InputFile input(const std::string& path) {
  wire::InputFile file;
  file.set_root("main");
  file.set_path(path);
  return file;
}

}  // namespace

TEST_CASE("an input is read when size and digest are as promised, and not visible otherwise") {
  const TemporaryDirectory dir;
  put(dir.path / "root/shot/a.exr", "picture");
  frames::Roots roots;
  roots.set("main", dir.path / "root");
  auto file = input("shot/a.exr");
  CHECK(roots.read(file, 100).value() == "picture");
  file.set_size_bytes(7);
  file.set_sha256(raw(base::sha256("picture")));
  CHECK(roots.read(file, 100).value() == "picture");
  file.set_size_bytes(8);
  CHECK(roots.read(file, 100).error().code == "input_not_visible");
  file.set_size_bytes(7);
  file.set_sha256(raw(base::sha256("other")));
  CHECK(roots.read(file, 100).error().code == "input_not_visible");
  CHECK(roots.read(input("shot/b.exr"), 100).error().code == "input_not_visible");
  CHECK(roots.read(input("shot/a.exr"), 3).error().code == "input.too_large");
}

TEST_CASE("an input is followed inside the roots, and refused by name where it leads out of all of them") {
  const TemporaryDirectory dir;
  put(dir.path / "secret", "secret");
  fs::create_symlink("../../secret", dir.path / "root/shot/up");
  fs::create_symlink(dir.path / "secret", dir.path / "root/shot/absolute");
  put(dir.path / "root/inside", "inside");
  fs::create_symlink("../inside", dir.path / "root/shot/within");
  REQUIRE(::mkfifo((dir.path / "root/shot/pipe").c_str(), 0600) == 0);
  frames::Roots roots;
  roots.set("main", dir.path / "root");
  fs::create_symlink("round", dir.path / "root/shot/round");
  for (const char* path :
       {"../secret", "/etc/passwd", "shot/../../secret", "shot//up", "shot/pipe", "shot", "", "a\nb"})
    CHECK(roots.read(input(path), 100).error().code == "input.path");
  for (const char* path : {"shot/up", "shot/absolute", "shot/round"}) {
    const auto refused = roots.read(input(path), 100);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == "input.link");
    CHECK(refused.error().message.find(path) != std::string::npos);
  }
  CHECK(roots.read(input("shot/round"), 100).error().message.find("leads to itself") != std::string::npos);
  CHECK(roots.read(input("shot/up"), 100).error().message.find("leads out of every root") != std::string::npos);
  // By an absolute path inside the root, by a directory that is a link, and into another root and back.
  fs::create_symlink(dir.path / "root/inside", dir.path / "root/shot/whole-way");
  fs::create_directories(dir.path / "archive/v003");
  put(dir.path / "archive/v003/plate", "archived");
  fs::create_symlink(dir.path / "root/inside", dir.path / "archive/v003/back");
  fs::create_directory_symlink("v003", dir.path / "archive/latest");
  fs::create_directory_symlink(dir.path / "archive/latest", dir.path / "root/shot/moved");
  CHECK(roots.read(input("shot/whole-way"), 100).value() == "inside");
  CHECK(roots.read(input("shot/moved/plate"), 100).error().code == "input.link");
  roots.set("archive", dir.path / "archive");
  CHECK(roots.read(input("shot/moved/plate"), 100).value() == "archived");
  CHECK(roots.read(input("shot/moved/back"), 100).value() == "inside");
  // A root that is itself reached by a link: absolute links name either way.
  fs::create_directory_symlink(dir.path / "archive", dir.path / "mount");
  frames::Roots by_link;
  by_link.set("main", dir.path / "root");
  by_link.set("archive", dir.path / "mount");
  CHECK(by_link.read(input("shot/moved/plate"), 100).value() == "archived");
  CHECK(roots.read(input("shot/within"), 100).value() == "inside");
  auto elsewhere = input("shot/within");
  elsewhere.set_root("other");
  CHECK(roots.read(elsewhere, 100).error().code == "input.path");
}

TEST_CASE("storage and hosts that cannot read an input say so, and not that the task failed") {
  frames::Roots roots;
  roots.set("main", "/proc/self");
  // The kernel answers EIO to whoever reads the first byte of its own memory.
  const auto refused = roots.read(input("mem"), 1 << 20);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == "storage_failed");
  CHECK(base::root_of(refused.error()) == "main");
  CHECK(refused.error().message.find("main:mem") != std::string::npos);

  const TemporaryDirectory dir;
  put(dir.path / "root/a.exr", "picture");
  roots.set("main", dir.path / "root");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) taken.push_back(fd);
  const auto without = roots.read(input("a.exr"), 100);
  const auto file_without = base::read_file(dir.path / "root/a.exr", 100);
  for (const int fd : taken) ::close(fd);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(without.ok());
  CHECK(without.error().code == "host.descriptors");
  REQUIRE_FALSE(file_without.ok());
  CHECK(file_without.error().code == "host.descriptors");
  CHECK(roots.read(input("a.exr"), 100).value() == "picture");
}

TEST_CASE("a socket under an input's name is no regular file, and no failure of the storage") {
  const TemporaryDirectory dir;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (dir.path / "root/a.exr").string();
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  frames::Roots roots;
  roots.set("main", dir.path / "root");
  CHECK(roots.read(input("a.exr"), 100).error().code == "input.path");
  ::close(fd);
}

TEST_CASE("staged files are whole, and what an attempt cut short left is removed first") {
  const TemporaryDirectory dir;
  fs::create_directories(dir.path / "staging/4");
  put(dir.path / "staging/4/stale.exr", "half a fra");
  auto staged = frames::StagedDirectory::make(dir.path / "staging", 4).value();
  REQUIRE(staged.write("a.exr", "one").ok());
  REQUIRE(staged.write("b.exr", "two").ok());
  CHECK_FALSE(staged.write("a.exr", "again").ok());
  REQUIRE(staged.sync().ok());
  CHECK(base::read_file(dir.path / "staging/4/b.exr", 10).value() == "two");
  CHECK_FALSE(fs::exists(dir.path / "staging/4/stale.exr"));
  CHECK(staged.relative("a.exr") == "4/a.exr");
}

TEST_CASE("a staging directory whose way there was exchanged for a link is not written to") {
  const TemporaryDirectory dir;
  const fs::path staging = dir.path / "root/.framemill/attempts/a";
  fs::create_directories(staging);
  fs::create_directories(dir.path / "outside/attempts/a/4");
  put(dir.path / "outside/attempts/a/4/precious", "x");
  auto before = frames::StagedDirectory::make(staging, 3).value();
  fs::rename(dir.path / "root/.framemill", dir.path / "root/aside");
  fs::create_directory_symlink(dir.path / "outside", dir.path / "root/.framemill");
  // What was begun before goes on where it was; nothing is begun there.
  REQUIRE(before.write("a.exr", "one").ok());
  REQUIRE(before.sync().ok());
  REQUIRE(before.write_above("3.done", "done").ok());
  CHECK(base::read_file(dir.path / "root/aside/attempts/a/3/a.exr", 10).value() == "one");
  CHECK(base::read_file(dir.path / "root/aside/attempts/a/3.done", 10).value() == "done");
  CHECK(frames::StagedDirectory::make(staging, 4).error().code == "storage_failed");
  CHECK(fs::exists(dir.path / "outside/attempts/a/4/precious"));
  CHECK_FALSE(fs::exists(dir.path / "outside/attempts/a/3"));
  // A root that itself is reached by a link is one all the same.
  fs::create_directory_symlink(dir.path / "root", dir.path / "link");
  fs::create_directories(dir.path / "root/real/.framemill/b");
  CHECK(frames::StagedDirectory::make(dir.path / "link/real/.framemill/b", 0).ok());
}

TEST_CASE("an output pattern takes one frame token and stays inside its root") {
  CHECK(frames::path_of_frame("a/b.%04d.exr", 7).value() == "a/b.0007.exr");
  CHECK(frames::path_of_frame("a/b.%04d.exr", -7).value() == "a/b.-007.exr");
  CHECK(frames::path_of_frame("a/b.%d.exr", 12345).value() == "a/b.12345.exr");
  CHECK(frames::path_of_frame("a/100%%.%02d.exr", 1).value() == "a/100%.01.exr");
  CHECK(frames::path_of_frame("a/b.mp4", 1).value() == "a/b.mp4");
  for (const char* pattern : {"%s", "%4d", "%04d/%04d", "a/%", "../%04d", "/x/%04d", "a/%n", "a/%012d"})
    CHECK(frames::path_of_frame(pattern, 1).error().code == "frames.path");
  CHECK(frames::file_name_of("a/b.exr").value() == "b.exr");
  CHECK_FALSE(frames::file_name_of("a/..").ok());
}
