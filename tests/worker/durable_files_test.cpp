// What is synced, and when: a count of the calls, because only a power cut would show the difference.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "scratch.h"
#include "worker/supervisor/publisher.h"
#include "worker/supervisor/small_files.h"
#include "worker/supervisor/staging.h"

namespace {

std::atomic<int> files_synced{0}, directories_synced{0};

}  // namespace

// In the place of the C library's, for this program.
extern "C" int fsync(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) == 0) ++(S_ISDIR(facts.st_mode) ? directories_synced : files_synced);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace framemill::worker {
namespace {

using namespace scratch;

struct Synced {
  int files = 0, directories = 0;
  bool operator==(const Synced&) const = default;
};

template <class Function>
Synced synced_by(Function function) {
  const Synced before{files_synced, directories_synced};
  REQUIRE(function().ok());
  return {files_synced - before.files, directories_synced - before.directories};
}

}  // namespace

TEST_CASE(
    "a finished task is on disk with its name before it is reported, what an attempt can lose is not waited for") {
  const Scratch area;
  const auto root = area.root();
  const Synced prepared = synced_by([&] { return prepare_staging(*root, attempt(7), grant(7), "w1"); });
  CHECK(prepared.files == 0);
  CHECK(prepared.directories >= 1);  // the attempt's name: tasks are committed under it
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(7).attempt();
  CHECK(synced_by([&] { return write_done(*root, attempt(7), task); }) == Synced{1, 1});
  const UniqueFd directory(::open(area.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(synced_by([&] { return write_at(directory.get(), "note", "text", Durable::No); }) == Synced{});
  CHECK(area.read("note") == "text");
}

TEST_CASE("a published name is on disk before it is reported") {
  const Scratch area;
  const auto root = area.root();
  REQUIRE(prepare_staging(*root, attempt(7), grant(7), "w1").ok());
  area.write("main/.framemill/attempts/" + attempt(7).text() + "/0/a.exr", "pixels");
  fs::create_directory(area.directory / "main/show");
  wire::PublishOrder order;
  *order.mutable_attempt() = grant(7).attempt();
  for (const char* path : {"show/a.exr", "show/b.exr"}) {
    wire::OutputFile& file = *order.add_files();
    file.set_staged("0/a.exr");
    file.set_path(path);
    file.set_size_bytes(6);
    file.set_sha256(raw_digest("pixels"));
  }
  CHECK(synced_by([&] { return publish(*root, order, {}); }) == Synced{0, 1});
  CHECK(area.read("main/show/b.exr") == "pixels");
}

}  // namespace framemill::worker
