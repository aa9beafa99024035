// Promise P1 for power loss: a VFS under SQLite remembers for each file what was synced and which writes came since.
// After a loss the synced part is there, and of the writes since then any: here each one with even odds. Whatever was
// acknowledged must be in what is left.
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <random>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

struct FileLog {
  struct Write {
    std::size_t offset = 0;
    std::string bytes;
    bool truncates = false;  // to offset
  };
  std::string synced;
  std::vector<Write> since;

  static void apply(std::string& content, const Write& write) {
    if (write.truncates) return content.resize(write.offset);
    if (content.size() < write.offset + write.bytes.size()) content.resize(write.offset + write.bytes.size());
    content.replace(write.offset, write.bytes.size(), write.bytes);
  }
};

// Every file that SQLite has open for writing, by path.
struct Disk {
  std::mutex mutex;
  std::map<std::string, FileLog> files;
  sqlite3_vfs* real = nullptr;

  void write(const std::string& path, FileLog::Write write) {
    const std::lock_guard lock(mutex);
    files[path].since.push_back(std::move(write));
  }
  void sync(const std::string& path) {
    const std::lock_guard lock(mutex);
    FileLog& log = files[path];
    for (const FileLog::Write& write : log.since) FileLog::apply(log.synced, write);
    log.since.clear();
  }
  // What a power loss now might leave of the directory's files.
  void lose_power(const std::filesystem::path& directory, const std::filesystem::path& into, std::mt19937& random) {
    const std::lock_guard lock(mutex);
    for (const auto& [path, log] : files) {
      if (std::filesystem::path(path).parent_path() != directory) continue;
      std::string content = log.synced;
      for (const FileLog::Write& write : log.since)
        if (random() % 2 == 0) FileLog::apply(content, write);
      std::ofstream(into / std::filesystem::path(path).filename(), std::ios::binary) << content;
    }
  }
};

Disk& disk() {
  static Disk the_disk;
  return the_disk;
}

struct ShimFile {
  sqlite3_file base;
  std::string* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

ShimFile* shim(sqlite3_file* file) {
  return reinterpret_cast<ShimFile*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return shim(file)->real();
}

// Version 1: without shared memory, which an exclusive connection does not need.
const sqlite3_io_methods kMethods{
    1,
    [](sqlite3_file* f) {
      delete shim(f)->path;
      return real(f)->pMethods->xClose(real(f));
    },
    [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
      return real(f)->pMethods->xRead(real(f), to, size, at);
    },
    [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
      disk().write(*shim(f)->path,
                   {static_cast<std::size_t>(at),
                    std::string(static_cast<const char*>(from), static_cast<std::size_t>(size)), false});
      return real(f)->pMethods->xWrite(real(f), from, size, at);
    },
    [](sqlite3_file* f, sqlite3_int64 size) {
      disk().write(*shim(f)->path, {static_cast<std::size_t>(size), {}, true});
      return real(f)->pMethods->xTruncate(real(f), size);
    },
    [](sqlite3_file* f, int flags) {
      disk().sync(*shim(f)->path);
      return real(f)->pMethods->xSync(real(f), flags);
    },
    [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
    [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
    [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); },
    [](sqlite3_file* f, int* held) { return real(f)->pMethods->xCheckReservedLock(real(f), held); },
    [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
    [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
    // No promise about what a torn write leaves: the careful path.
    [](sqlite3_file*) { return 0; }, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

// Makes the shim the default VFS for as long as it lives.
class LossyDisk {
 public:
  LossyDisk() {
    disk().real = sqlite3_vfs_find(nullptr);
    vfs_ = *disk().real;
    vfs_.zName = "lossy";
    vfs_.szOsFile = static_cast<int>(sizeof(ShimFile)) + disk().real->szOsFile;
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      shim(file)->base.pMethods = nullptr;
      const int code = disk().real->xOpen(disk().real, name, real(file), flags, out);
      if (code != SQLITE_OK) return code;
      shim(file)->path = new std::string(name ? name : "");
      shim(file)->base.pMethods = &kMethods;
      return code;
    };
    vfs_.xDelete = [](sqlite3_vfs*, const char* name, int sync_directory) {
      {
        const std::lock_guard lock(disk().mutex);
        disk().files.erase(name);
      }
      return disk().real->xDelete(disk().real, name, sync_directory);
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~LossyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(disk().real, 1);
  }

 private:
  sqlite3_vfs vfs_{};
};

// The store as it comes back on a machine that lost its power, with batch `acknowledged` told as durable.
void check_after_loss(const std::filesystem::path& directory, std::uint32_t acknowledged, std::mt19937& random) {
  const TempDirectory after;
  disk().lose_power(directory, after.path(), random);
  std::uint32_t found = 0;
  {
    auto store = open_store(after / "farm.db");
    const LoadedState loaded = store->load().value();
    for (const Record& record : loaded.records)
      if (const auto* counters = std::get_if<CountersRecord>(&record)) found = counters->last_job;
    CHECK(loaded.durable_sequence == found);
  }
  CHECK(found >= acknowledged);
  const VerifyReport report = verify(after / "farm.db").value();
  CHECK(report.findings == std::vector<std::string>{});
  CHECK(report.commits_checked == found);
}

}  // namespace

TEST_CASE("no acknowledged batch is lost with the power, whichever unsynced writes reached the disk") {
  const LossyDisk lossy;
  std::mt19937 random(4711);
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  std::uint32_t written = 0;
  const auto batch = [&](std::uint32_t n) {
    // A tail of 16 KiB makes the log long enough to be written back into the database on the way.
    AttemptRecord attempt = sample_attempt(store->epoch(), n, {JobId(1), 0});
    attempt.output_tail.assign(16'000, static_cast<char>('a' + n % 26));
    return Persist{{sample_commit(store->epoch(), n, {JobId(1), 0}, n, 2), CountersRecord{n, 0, 0}, attempt}, {}};
  };
  for (int round = 0; round < 30; ++round) {
    // Some batches are on their way while the power goes.
    const std::uint32_t acknowledged = [&] {
      for (int i = 0; i < 40; ++i) REQUIRE(store->write(batch(++written), {}).ok());
      write_now(*store, batch(written + 1));
      return ++written;
    }();
    for (int i = 0; i < 5; ++i) REQUIRE(store->write(batch(++written), {}).ok());
    INFO("round " << round);
    check_after_loss(directory.path(), acknowledged, random);
  }
}
