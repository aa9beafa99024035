#include "cli/output_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/file.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;

class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "framemill-output-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Scratch() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string contents_of(const fs::path& path) {
  const auto text = base::read_file(path, 1 << 20);
  return text.ok() ? *text : text.error().message;
}

}  // namespace

TEST_CASE("an output file replaces plain files and what links point to") {
  const Scratch directory;
  const fs::path plain = directory.path() / "plain", link = directory.path() / "link";
  REQUIRE(write_output_file(plain, "one").ok());
  REQUIRE(write_output_file(plain, "two").ok());
  CHECK(contents_of(plain) == "two");
  fs::create_symlink("plain", link);
  REQUIRE(write_output_file(link, "three").ok());
  CHECK(fs::is_symlink(link));
  CHECK(contents_of(plain) == "three");
  const fs::path dangling = directory.path() / "dangling";
  fs::create_symlink("later", dangling);
  REQUIRE(write_output_file(dangling, "four").ok());
  CHECK(fs::is_symlink(dangling));
  CHECK(contents_of(directory.path() / "later") == "four");
}

TEST_CASE("an output that is no plain file stays what it is") {
  const Scratch directory;
  const fs::path pipe = directory.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string seen;
  std::thread reader([&] { std::getline(std::ifstream(pipe), seen); });
  CHECK(write_output_file(pipe, "through").ok());
  reader.join();
  CHECK(seen == "through");
  CHECK(fs::is_fifo(pipe));

  // By a link of our own: whatever goes wrong here must not replace the machine's device.
  const fs::path full = directory.path() / "full";
  fs::create_symlink("/dev/full", full);
  const base::Status refused = write_output_file(full, "anything");
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == "file.disk_full");
  CHECK(fs::is_character_file(fs::status("/dev/full")));

  const base::Status directory_refused = write_output_file(directory.path(), "anything");
  REQUIRE(!directory_refused.ok());
  CHECK(directory_refused.error().code == "file.is_directory");
}

}  // namespace framemill::cli
