// Damage that SQLite does not notice by itself: verify must, and the daemon must not start over it (promise P8).
#include <fmt/format.h>
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "scheduler/store/maintenance.h"
#include "scheduler/store/wal_scan.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

constexpr std::uint32_t kBatches = 40;

// The files of a store as kill -9 leaves them after kBatches acknowledged batches of one commit each.
void leave_killed_store(const std::filesystem::path& to) {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  for (std::uint32_t n = 1; n <= kBatches; ++n)
    write_now(*store, {sample_commit(store->epoch(), 1, {JobId(1), 0}, n, 2), CountersRecord{n, 0, 0},
                       AuditRecord{n, sample_cause(), "cancel", "job 1"}});
  for (const char* suffix : {"", "-wal", ".mark"})
    std::filesystem::copy_file((directory / "farm.db").concat(suffix), std::filesystem::path(to).concat(suffix));
}

void flip_bit(const std::filesystem::path& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x10));
  REQUIRE(file.good());
}

std::string first_finding(const std::filesystem::path& path) {
  const VerifyReport report = verify(path).value();
  return report.whole() ? "whole" : report.findings.front();
}

void run_sql(const std::filesystem::path& path, const char* sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(sqlite3_changes(handle) == 1);
  sqlite3_close(handle);
}

}  // namespace

TEST_CASE("one flipped bit in the log is found, keeps the daemon from starting, and is given up only by a new era") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  leave_killed_store(path);
  const std::uint64_t size = std::filesystem::file_size(directory / "farm.db-wal");
  REQUIRE(size > 100'000);
  CHECK(first_finding(path) == "whole");
  CHECK_FALSE(scan_wal(directory / "farm.db-wal").value().broken());
  flip_bit(directory / "farm.db-wal", size / 2);

  const WalScan scan = scan_wal(directory / "farm.db-wal").value();
  CHECK(scan.broken());
  CHECK(scan.frames_whole > 0);
  const VerifyReport report = verify(path).value();
  REQUIRE(report.findings.size() == 1);
  INFO(report.findings[0]);
  CHECK(report.findings[0].find("were acknowledged and are not in the database") != std::string::npos);
  CHECK(report.findings[0].find("the write-ahead log is damaged at frame") != std::string::npos);
  CHECK(report.acknowledged_sequence == kBatches);
  CHECK(report.durable_sequence < kBatches);
  CHECK(report.durable_sequence > 0);

  StoreOptions options;
  options.ballast_bytes = 4096;
  CHECK(Store::open(path, options).error().code == "store.history_lost");
  // Looking at it changed nothing: the damaged log is still there.
  CHECK(std::filesystem::file_size(directory / "farm.db-wal") == size);
  CHECK(verify(path).value().findings == report.findings);

  REQUIRE(new_era(path, sample_cause("root")).ok());
  CHECK(first_finding(path) == "whole");
  auto store = open_store(path);
  CHECK(store->load().value().durable_sequence == report.durable_sequence);
}

TEST_CASE("a log torn where nothing was acknowledged is an ordinary crash") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  leave_killed_store(path);
  const std::uint64_t size = std::filesystem::file_size(directory / "farm.db-wal");
  std::ofstream(directory / "farm.db-wal", std::ios::app | std::ios::binary) << std::string(3000, 'x');
  CHECK(first_finding(path) == "whole");
  std::filesystem::resize_file(directory / "farm.db-wal", size);
  auto store = open_store(path);
  CHECK(store->load().value().durable_sequence == kBatches);
}

TEST_CASE("a database without its log, or put back from a copy by hand, does not pass for whole") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  leave_killed_store(path);
  std::filesystem::remove(directory / "farm.db-wal");
  StoreOptions options;
  options.ballast_bytes = 4096;
  CHECK(Store::open(path, options).error().code == "store.history_lost");
  std::filesystem::remove(path);
  CHECK(Store::open(path, options).error().code == "store.history_lost");
}

TEST_CASE("a database of the right length with another history does not pass for the one that was acknowledged") {
  const TempDirectory directory;
  for (const char* const name : {"ours", "theirs"}) {
    std::filesystem::create_directory(directory.path() / name);
    auto store = open_store(directory.path() / name / "farm.db");
    for (std::uint64_t batch = 1; batch <= 3; ++batch)
      write_now(*store, {AuditRecord{batch, sample_cause(name), "submit", fmt::format("job {}", batch)}});
  }
  StoreOptions options;
  options.ballast_bytes = 4096;
  const std::filesystem::path path = directory / "ours/farm.db";
  CHECK(Store::open(path, options).ok());
  // The mark stays: it knows what was acknowledged.
  std::filesystem::remove(path.string() + "-wal");
  std::filesystem::copy_file(directory / "theirs/farm.db", path, std::filesystem::copy_options::overwrite_existing);
  const auto opened = Store::open(path, options);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == "store.history_lost");
  CHECK(opened.error().message.find("another batch 3") != std::string::npos);
}

TEST_CASE("a torn mark is no reason to stop, but its other half still counts") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  leave_killed_store(path);
  flip_bit(directory / "farm.db.mark", 30 + 512 * (kBatches % 2));
  CHECK(verify(path).value().acknowledged_sequence == kBatches - 1);
  CHECK(first_finding(path) == "whole");
}

TEST_CASE("the chain finds commits and audit rows that are gone, altered or added") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  struct Case {
    const char* sql;
    const char* finding;
  };
  const auto [sql, finding] = GENERATE(
      Case{"DELETE FROM commits WHERE task = 20", "batch 20 wrote 1 commits and 1 audit rows, 0 and 1 are there"},
      Case{"UPDATE commits SET duration_us = 1 WHERE task = 20",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"UPDATE commit_files SET sha256 = zeroblob(32) WHERE task = 20 AND number = 1",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"UPDATE commit_reads SET path = 'x' WHERE task = 20 AND number = 0",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"UPDATE audit SET principal = 'eve' WHERE number = 20",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"DELETE FROM audit WHERE number = 20", "batch 20 wrote 1 commits and 1 audit rows, 1 and 0 are there"},
      Case{"INSERT INTO commits SELECT job, phase, 999, epoch, counter, worker, time_ms, duration_us, root, "
           "device_class, 0, 0, "
           "20 FROM commits WHERE task = 20",
           "batch 20 wrote 1 commits and 1 audit rows, 2 and 1 are there"},
      Case{"DELETE FROM commit_files WHERE task = 20 AND number = 1",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"INSERT INTO commit_files SELECT job, phase, task, 9, kind, frame, path, staged, size_bytes, sha256, "
           "samples_sha256 "
           "FROM commit_files WHERE task = 20 AND number = 1",
           "a commit or an audit row of batch 20 is not what was written"},
      Case{"DELETE FROM batches WHERE sequence = 40", "a commit says that it is of batch 40, which has no commits"});
  leave_killed_store(path);
  run_sql(path, sql);
  CHECK(first_finding(path) == finding);
}

TEST_CASE("a flipped bit in any page of the database is found or harmless") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  leave_killed_store(path);
  {
    open_store(path);
  }  // the log goes into the database
  const std::uint64_t size = std::filesystem::file_size(path);
  int found = 0;
  const std::string bytes = [&] {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  // Every place where the digest of a committed file lies.
  for (std::uint32_t task = 1; task <= kBatches; task += 7) {
    const auto digest = base::sha256("j1/p0/t" + std::to_string(task) + ".0000.exr");
    const std::size_t at = bytes.find(std::string_view(reinterpret_cast<const char*>(digest.bytes.data()), 32));
    REQUIRE(at < size);
    flip_bit(path, at + task % 32);
    found += first_finding(path) != "whole";
    flip_bit(path, at + task % 32);
  }
  CHECK(found == 6);
  CHECK(first_finding(path) == "whole");
}
