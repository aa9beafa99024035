// What is said of a store without opening it for work, and whose its files are after root has touched them.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <future>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

constexpr unsigned kOwner = 64731, kGroup = 64732;

void fill(const std::filesystem::path& path) {
  auto store = open_store(path);
  for (std::uint32_t n = 1; n <= 200; ++n)
    write_now(*store, {sample_commit(store->epoch(), 1, {JobId(1), 0}, n, 3), CountersRecord{n, 0, 0}});
}

std::string owner_of(const std::filesystem::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid) + " " + std::to_string(facts.st_mode & 0777);
}

std::size_t entries(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

TEST_CASE("a glance at a store tells whether it would open, is open, or is to be made, and leaves nothing behind") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  CHECK_FALSE(glance(path).value().exists);
  CHECK(entries(directory.path()) == 0);
  fill(path);
  const std::size_t files = entries(directory.path());
  CHECK(glance(path).value().exists);
  CHECK_FALSE(glance(path).value().held);
  CHECK(entries(directory.path()) == files);
  {
    const auto store = open_store(path);
    CHECK(glance(path).value().held);
  }
  CHECK_FALSE(glance(path).value().held);
}

TEST_CASE("a glance finds what would keep a store from opening, also while a scheduler has it open") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  fill(path);
  const auto backup = directory / "whole.db";
  std::filesystem::copy_file(path, backup);
  const std::uint64_t size = std::filesystem::file_size(path);

  std::filesystem::resize_file(path, size / 2);
  CHECK(glance(path).error().code == "store.corrupt");
  CHECK(glance(path).error().message.find("truncated") != std::string::npos);
  std::filesystem::resize_file(path, 50);
  CHECK(glance(path).error().code == "store.not_a_store");
  std::ofstream(path) << std::string(8192, 'x');
  CHECK(glance(path).error().code == "store.not_a_store");

  // A store of the night before beside the mark of today.
  std::filesystem::copy_file(backup, path, std::filesystem::copy_options::overwrite_existing);
  CHECK(glance(path).ok());
  {
    auto store = open_store(path);
    write_now(*store, {CountersRecord{201, 0, 0}});
  }
  std::filesystem::copy_file(backup, path, std::filesystem::copy_options::overwrite_existing);
  CHECK(glance(path).error().code == "store.history_lost");
}

TEST_CASE("what root restores or gives up belongs to the scheduler's user afterwards, and to nobody else") {
  if (::geteuid() != 0) return;
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  const TempDirectory elsewhere;
  {
    auto store = open_store(path);
    write_now(*store, {CountersRecord{1, 0, 0}});
    std::promise<base::Result<std::uint64_t>> done;
    REQUIRE(store->backup(elsewhere / "backup.db", [&](auto result) { done.set_value(result); }).ok());
    REQUIRE(done.get_future().get().ok());
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
    REQUIRE(::chown(entry.path().c_str(), kOwner, kGroup) == 0);
  REQUIRE(::chown(directory.path().c_str(), kOwner, kGroup) == 0);
  std::filesystem::remove(directory / "farm.db.lock");
  std::filesystem::remove(directory / "farm.db.mark");

  REQUIRE(restore(elsewhere / "backup.db", path, sample_cause("root")).ok());
  for (const char* name : {"farm.db", "farm.db.mark", "farm.db.lock"}) {
    INFO(name);
    CHECK(owner_of(directory / name) == "64731:64732 384");  // 0600
  }
  std::filesystem::remove(directory / "farm.db.mark");
  REQUIRE(new_era(path, sample_cause("root")).ok());
  CHECK(owner_of(directory / "farm.db.mark") == "64731:64732 384");
}
