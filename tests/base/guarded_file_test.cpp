#include "base/guarded_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"

namespace framemill::base {
namespace {

namespace fs = std::filesystem;

struct GuardedDirectory {
  fs::path path = fs::temp_directory_path() / ("framemill-guarded-" + std::to_string(random_u64()));
  GuardedDirectory() {
    fs::create_directory(path);
    ::chmod(path.c_str(), 0755);
  }
  ~GuardedDirectory() { fs::remove_all(path); }
  fs::path write(const std::string& name, unsigned mode) const {
    REQUIRE(write_file_durably(path / name, "secret\n", 0600).ok());
    REQUIRE(::chmod((path / name).c_str(), mode) == 0);
    return path / name;
  }
};

std::string code_of(const fs::path& path, FileReaders readers = FileReaders::Anyone) {
  const auto text = read_guarded_file(path, 4096, readers);
  return text.ok() ? *text : text.error().code;
}

TEST_CASE("a guarded file is read only when its owner alone can have changed it") {
  const GuardedDirectory directory;
  CHECK(code_of(directory.write("good", 0644)) == "secret\n");
  CHECK(code_of(directory.write("group", 0664)) == "file.permissions");
  CHECK(code_of(directory.write("world", 0646)) == "file.permissions");
  CHECK(read_guarded_file(directory.path / "group", 4096, FileReaders::Anyone).error().hint ==
        "run: chmod go-w " + (directory.path / "group").string());
}

TEST_CASE("a guarded file for its owner alone must not be readable by others") {
  const GuardedDirectory directory;
  CHECK(code_of(directory.write("good", 0600), FileReaders::OwnerAlone) == "secret\n");
  CHECK(code_of(directory.write("frozen", 0400), FileReaders::OwnerAlone) == "secret\n");
  for (const unsigned mode : {0640u, 0604u, 0660u, 0601u})
    CHECK(code_of(directory.write("bad" + std::to_string(mode), mode), FileReaders::OwnerAlone) == "file.permissions");
}

TEST_CASE("a guarded file in a directory that everybody can write is refused unless the directory is sticky") {
  const GuardedDirectory directory;
  const fs::path file = directory.write("key", 0600);
  REQUIRE(::chmod(directory.path.c_str(), 0777) == 0);
  CHECK(code_of(file) == "file.permissions");
  REQUIRE(::chmod(directory.path.c_str(), 01777) == 0);
  CHECK(code_of(file) == "secret\n");

  SECTION("and so is a link into such a directory") {
    const GuardedDirectory other;
    fs::create_symlink(file, other.path / "link");
    CHECK(code_of(other.path / "link") == "secret\n");
    REQUIRE(::chmod(directory.path.c_str(), 0777) == 0);
    CHECK(code_of(other.path / "link") == "file.permissions");
  }
}

TEST_CASE("a guarded file of another user is refused, one of root is not") {
  if (::geteuid() != 0) return;  // only root can give a file away
  const GuardedDirectory directory;
  const fs::path file = directory.write("key", 0600);
  REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
  CHECK(code_of(file) == "file.permissions");
  CHECK(code_of(file, FileReaders::OwnerAlone) == "file.permissions");
  REQUIRE(::chown(file.c_str(), 0, 0) == 0);
  CHECK(code_of(file) == "secret\n");
}

TEST_CASE("a FIFO, a directory and a file that is too long are no guarded files, and nothing waits for them") {
  const GuardedDirectory directory;
  const fs::path fifo = directory.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(code_of(fifo) == "file.not_regular");
  CHECK(code_of(directory.path) == "file.not_regular");
  CHECK(code_of(directory.path / "missing") == "file.open");
  const fs::path file = directory.write("key", 0600);
  CHECK(read_guarded_file(file, 6, FileReaders::Anyone).error().code == "file.too_large");
  CHECK(read_file(fifo, 100).error().code == "file.not_regular");
  CHECK(read_file(file, 100).value() == "secret\n");
}

}  // namespace
}  // namespace framemill::base
