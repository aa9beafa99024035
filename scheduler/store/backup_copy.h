// A copy of an open database into a new file, page by page, while writes go on over the same connection (SQLite's
// backup interface carries them over). The copy gets its name only when it is whole and synced. On the connection's
// thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "scheduler/store/sql.h"

namespace framemill::scheduler::store {

class BackupCopy {
 public:
  // Errors: store.file when `target` exists or cannot be made.
  static base::Result<BackupCopy> begin(Connection& source, std::filesystem::path target);
  base::Result<bool> step(int pages);    // true: all pages are copied
  base::Result<std::uint64_t> finish();  // after that: checks, syncs and names the copy; its size in bytes
  const std::filesystem::path& target() const { return target_; }

 private:
  struct End {
    void operator()(sqlite3_backup* handle) const { sqlite3_backup_finish(handle); }
  };
  struct PartialFile {  // removed when the copy is given up; the finished one has another name by then
    std::filesystem::path path;
    ~PartialFile();
  };
  BackupCopy(std::filesystem::path target, std::unique_ptr<PartialFile> partial, Connection copy)
      : target_(std::move(target)), partial_(std::move(partial)), copy_(std::make_unique<Connection>(std::move(copy))) {
  }

  std::filesystem::path target_;
  // Destroyed from the last to the first: the copying ends, the connection closes, the file goes.
  std::unique_ptr<PartialFile> partial_;
  std::unique_ptr<Connection> copy_;
  std::unique_ptr<sqlite3_backup, End> handle_;
};

// All of it at once.
base::Result<std::uint64_t> copy_database(Connection& source, const std::filesystem::path& target);

}  // namespace framemill::scheduler::store
