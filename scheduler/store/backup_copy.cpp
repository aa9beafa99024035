#include "scheduler/store/backup_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "scheduler/store/file_guard.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

base::Error backup_error(const std::filesystem::path& path, const char* doing) {
  return base::error_of(StoreError::File, fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)));
}

}  // namespace

base::Result<BackupCopy> BackupCopy::begin(Connection& source, std::filesystem::path target) {
  if (std::filesystem::exists(target))
    return base::error_of(StoreError::File, fmt::format("{} exists; a backup never replaces a file", target.string()),
                          "", "name a new file");
  auto partial = std::make_unique<PartialFile>(PartialFile{beside(target, ".part")});
  // Made here and not by SQLite, so that nobody else can read it; what a killed backup left is begun anew.
  if (!Descriptor(::open(partial->path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)))
    return backup_error(partial->path, "create");
  FM_ASSIGN(Connection connection, Connection::open(partial->path, SQLITE_OPEN_READWRITE));
  BackupCopy copy(std::move(target), std::move(partial), std::move(connection));
  FM_TRY(copy.copy_->run("PRAGMA synchronous = FULL"));
  copy.handle_.reset(sqlite3_backup_init(copy.copy_->handle(), "main", source.handle(), "main"));
  if (!copy.handle_) return sql_error(copy.copy_->handle(), sqlite3_errcode(copy.copy_->handle()), "begin a backup");
  return copy;
}

BackupCopy::PartialFile::~PartialFile() {
  ::unlink(path.c_str());
}

base::Result<bool> BackupCopy::step(int pages) {
  const int code = sqlite3_backup_step(handle_.get(), pages);
  if (code == SQLITE_DONE) return true;
  if (code == SQLITE_OK) return false;
  return sql_error(copy_->handle(), code, "copy pages into the backup");
}

base::Result<std::uint64_t> BackupCopy::finish() {
  const int code = sqlite3_backup_finish(handle_.release());
  if (code != SQLITE_OK) return sql_error(copy_->handle(), code, "finish the backup");
  // One file without a write-ahead log beside it is easier to carry about. Opening it as a store turns the log on
  // again.
  FM_TRY(copy_->run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE"));
  FM_ASSIGN(Statement check, copy_->prepare("PRAGMA quick_check(1)"));
  {
    Statement::Rows rows = check.rows();
    FM_ASSIGN(const bool answered, rows.next());
    if (!answered || rows.text(0) != "ok")
      return base::error_of(StoreError::Corrupt,
                            fmt::format("the copy {} is damaged: {}", target_.string(), rows.text(0)));
  }
  check = Statement();
  copy_.reset();
  const std::filesystem::path& partial = partial_->path;
  Descriptor file(::open(partial.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) return backup_error(partial, "sync");
  if (::link(partial.c_str(), target_.c_str()) != 0) return backup_error(target_, "name the backup");
  std::filesystem::path directory = target_.parent_path();
  FM_TRY(base::sync_directory(directory.empty() ? "." : directory));
  return std::filesystem::file_size(target_);
}

base::Result<std::uint64_t> copy_database(Connection& source, const std::filesystem::path& target) {
  FM_ASSIGN(BackupCopy copy, BackupCopy::begin(source, target));
  while (true) {
    FM_ASSIGN(const bool copied, copy.step(1024));
    if (copied) return copy.finish();
  }
}

}  // namespace framemill::scheduler::store
