#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

Persist numbered(jobs::Epoch epoch, std::uint32_t n) {
  return {{sample_commit(epoch, 1, {JobId(1), 0}, n, 3), CountersRecord{n, 0, 0}}, {}};
}

std::uint32_t counted(const std::filesystem::path& path) {
  const LoadedState loaded = open_store(path)->load().value();
  return std::get<CountersRecord>(loaded.records.at(0)).last_job;
}

}  // namespace

TEST_CASE("a backup taken between batches is whole and restores to one moment of the history") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  std::uint32_t written = 0;
  {
    auto store = open_store(path);
    for (; written < 200; ++written) REQUIRE(store->write(numbered(store->epoch(), written + 1), {}).ok());
    write_now(*store, Persist{});
    std::atomic<bool> copied = false;
    std::promise<base::Result<std::uint64_t>> size;
    REQUIRE(store
                ->backup(directory / "backup.db",
                         [&](base::Result<std::uint64_t> result) {
                           copied = true;
                           size.set_value(std::move(result));
                         })
                .ok());
    while (!copied) write_now(*store, numbered(store->epoch(), ++written));
    CHECK(size.get_future().get().value() == std::filesystem::file_size(directory / "backup.db"));
    std::promise<base::Result<std::uint64_t>> again;
    REQUIRE(store->backup(directory / "backup.db", [&](auto result) { again.set_value(result); }).ok());
    CHECK(again.get_future().get().error().code == "store.file");  // never replaces a file
    write_now(*store, numbered(store->epoch(), ++written));
    CHECK(restore(directory / "backup.db", path, sample_cause()).error().code == "store.in_use");
  }
  CHECK(counted(path) == written);
  const VerifyReport backup = verify(directory / "backup.db").value();
  CHECK(backup.findings == std::vector<std::string>{});
  CHECK(backup.durable_sequence >= 200);
  CHECK(backup.durable_sequence < written);
  CHECK_FALSE(std::filesystem::exists(directory / "backup.db.part"));

  REQUIRE(restore(directory / "backup.db", path, sample_cause("root")).ok());
  CHECK(verify(path).value().whole());
  CHECK(counted(path) == backup.durable_sequence);
  CHECK(open_store(path)->epoch().number > backup.epoch);
  int replaced = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
    replaced += entry.path().filename().string().starts_with("farm.db.replaced-");
  CHECK(replaced >= 1);
}

TEST_CASE("a damaged backup is not restored") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  {
    auto store = open_store(path);
    for (std::uint32_t n = 1; n <= 20; ++n) write_now(*store, numbered(store->epoch(), n));
    std::promise<base::Result<std::uint64_t>> done;
    REQUIRE(store->backup(directory / "backup.db", [&](auto result) { done.set_value(result); }).ok());
    REQUIRE(done.get_future().get().ok());
  }
  const auto size = std::filesystem::file_size(directory / "backup.db");
  std::filesystem::resize_file(directory / "backup.db", size - 8192);
  const base::Status restored = restore(directory / "backup.db", path, sample_cause());
  REQUIRE_FALSE(restored.ok());
  CHECK(restored.error().code == "store.corrupt");
  CHECK(counted(path) == 20);
  CHECK(restore(directory / "missing.db", path, sample_cause()).error().code == "store.file");
}

TEST_CASE("a restore that was killed half-way does not open by mistake") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  {
    auto store = open_store(path);
    write_now(*store, numbered(store->epoch(), 1));
    std::promise<base::Result<std::uint64_t>> done;
    REQUIRE(store->backup(directory / "backup.db", [&](auto result) { done.set_value(result); }).ok());
    REQUIRE(done.get_future().get().ok());
    write_now(*store, numbered(store->epoch(), 2));
  }
  // The old database is aside, the new one not yet there.
  std::filesystem::rename(path, directory / "farm.db.replaced-1");
  StoreOptions options;
  options.ballast_bytes = 4096;
  CHECK(Store::open(path, options).error().code == "store.history_lost");
  REQUIRE(restore(directory / "backup.db", path, sample_cause()).ok());
  CHECK(counted(path) == 1);
}
