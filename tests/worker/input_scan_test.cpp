#include "worker/supervisor/input_scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>

#include "scratch.h"

namespace framemill::worker {
namespace {

using namespace scratch;

wire::WatchedFiles watched(const std::string& pattern, const std::string& frames, std::uint32_t phase = 0) {
  wire::WatchedFiles files;
  files.set_job(5);
  files.set_phase(phase);
  files.set_root("main");
  files.set_path_printf(pattern);
  files.set_frames(frames);
  return files;
}

// Last written long ago: whole beyond doubt.
void make_old(const fs::path& file) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
}

constexpr base::Instant kNow{};  // of a look that no other one is compared with

TEST_CASE("one look says of all watched files which are there") {
  const Scratch area;
  const auto root = area.root();
  for (const char* name : {"plates/p.0001.exr", "plates/p.0003.exr", "plates/other.exr", "a/0002/x.exr"}) {
    area.write(fs::path("main") / name, "picture");
    make_old(area.directory / "main" / name);
  }
  fs::create_directory(area.directory / "main/plates/p.0004.exr");  // no file
  InputScan scan;
  const auto found = scan.look(
      *root, {watched("plates/p.%04d.exr", "1-4"), watched("a/%04d/x.exr", "1-2"), watched("none/p.%d.exr", "1-9")},
      kNow);
  REQUIRE(found.size() == 3);
  CHECK(found[0].there() == "1,3");
  CHECK(found[1].there() == "2");
  CHECK(found[2].there().empty());
  for (const auto& answer : found) CHECK(answer.readable());
}

TEST_CASE("a file that is still being written is there when it has stopped growing") {
  const Scratch area;
  const auto root = area.root();
  area.write("main/p.0001.exr", "half a pict");
  InputScan scan;
  const std::vector<wire::WatchedFiles> one{watched("p.%04d.exr", "1")};
  base::Instant now{};
  const auto there = [&](base::Duration later) {
    now = now + later;
    return scan.look(*root, one, now)[0].there();
  };
  CHECK(there(base::seconds(1)).empty());
  area.write("main/p.0001.exr", "half a picture and the rest");
  CHECK(there(base::seconds(5)).empty());
  // Looks that follow one another at once, while the writer takes a breath, say nothing.
  for (int look = 0; look < 3; ++look) CHECK(there(base::milliseconds(10)).empty());
  area.write("main/p.0001.exr", "half a picture and the rest, and more");
  CHECK(there(base::seconds(2)).empty());
  CHECK(there(InputScan::kQuietFor) == "1");
}

TEST_CASE("links are followed inside the root, and one that leads out is refused with its frame and name") {
  const Scratch area;
  const auto root = area.root();
  area.write("main/v003/p.0001.exr", "picture");
  make_old(area.directory / "main/v003/p.0001.exr");
  fs::create_directory_symlink("v003", area.directory / "main/latest");
  fs::create_symlink("p.0001.exr", area.directory / "main/v003/p.0002.exr");
  fs::create_symlink("p.0009.exr", area.directory / "main/v003/p.0003.exr");  // leads nowhere yet
  area.write("elsewhere/p.0004.exr", "secret");
  fs::create_symlink(area.directory / "elsewhere/p.0004.exr", area.directory / "main/v003/p.0004.exr");
  fs::create_directory_symlink(area.directory / "elsewhere", area.directory / "main/out");
  InputScan scan;
  const auto found = scan.look(*root, {watched("latest/p.%04d.exr", "1-4"), watched("out/p.%04d.exr", "4")}, kNow);
  CHECK(found[0].there() == "1-2");
  REQUIRE(found[0].has_refused());
  CHECK(found[0].refused_frame() == 4);
  CHECK(found[0].refused_message().find("latest/p.0004.exr") != std::string::npos);
  REQUIRE(found[1].has_refused());
  CHECK(found[1].refused_frame() == 4);
}

TEST_CASE("what cannot be read is said, and does not count as missing") {
  const Scratch area;
  const auto root = area.root();
  area.write("main/plates", "a file in the place of the directory");
  InputScan scan;
  const auto found = scan.look(
      *root, {watched("plates/p.%04d.exr", "1"), watched("../p.%04d.exr", "1"), watched("p.%04d.exr", "1:9")}, kNow);
  for (const auto& answer : found) {
    CHECK_FALSE(answer.readable());
    CHECK_FALSE(answer.problem().empty());
    CHECK(answer.there().empty());
  }
}

}  // namespace
}  // namespace framemill::worker
