#include "scheduler/store/maintenance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "scheduler/store/backup_copy.h"
#include "scheduler/store/chain.h"
#include "scheduler/store/chain_reader.h"
#include "scheduler/store/database.h"
#include "scheduler/store/record_reader.h"
#include "scheduler/store/schema.h"
#include "scheduler/store/store_error.h"
#include "scheduler/store/wal_scan.h"

namespace framemill::scheduler::store {
namespace {

// Makes the chain again from the tables. Audit rows are few and wait in memory; commits stream by.
class ChainCheck {
 public:
  ChainCheck(std::map<std::uint64_t, BatchRow> links, VerifyReport& report)
      : links_(std::move(links)), report_(report) {}

  base::Status run(Connection& connection, const EpochNonces& epochs, const Position& position) {
    FM_TRY(every_audit(connection,
                       [&](const AuditRecord& row, std::uint64_t sequence) { audits_.emplace(sequence, row); }));
    at_ = links_.begin();
    FM_TRY(every_commit(connection, epochs, [&](const CommitRecord& commit, std::uint64_t sequence) {
      close_links_before(sequence);
      if (broken_) return;
      if (at_ == links_.end() || at_->first != sequence)
        return found(fmt::format("a commit says that it is of batch {}, which has no commits", sequence));
      open_link().add(commit);
      ++commits_;
      ++report_.commits_checked;
    }));
    close_links_before(UINT64_MAX);
    if (!broken_ && before_ != position.chain)
      found(fmt::format("the chain of commits ends elsewhere than at batch {}", position.sequence));
    return {};
  }

 private:
  ChainLink& open_link() {
    if (!link_) link_.emplace(before_, at_->first);
    return *link_;
  }

  void close_links_before(std::uint64_t sequence) {
    for (; !broken_ && at_ != links_.end() && at_->first < sequence; ++at_) {
      ChainLink& link = open_link();
      const auto [first, last] = audits_.equal_range(at_->first);
      std::uint64_t audits = 0;
      for (auto row = first; row != last; ++row, ++audits) link.add(row->second);
      before_ = link.finish();
      link_.reset();
      if (commits_ != at_->second.commits || audits != at_->second.audits)
        found(fmt::format("batch {} wrote {} commits and {} audit rows, {} and {} are there", at_->first,
                          at_->second.commits, at_->second.audits, commits_, audits));
      else if (before_ != at_->second.chain)
        found(fmt::format("a commit or an audit row of batch {} is not what was written", at_->first));
      commits_ = 0;
      ++report_.batches_checked;
    }
  }

  void found(std::string what) {
    report_.findings.push_back(std::move(what));
    broken_ = true;  // every later link differs: only the first is worth telling
  }

  std::map<std::uint64_t, BatchRow> links_;
  VerifyReport& report_;
  std::multimap<std::uint64_t, AuditRecord> audits_;
  std::map<std::uint64_t, BatchRow>::iterator at_;
  std::optional<ChainLink> link_;
  base::Sha256 before_;
  std::uint64_t commits_ = 0;
  bool broken_ = false;
};

base::Status check_integrity(Connection& connection, VerifyReport& report) {
  FM_ASSIGN(Statement statement, connection.prepare("PRAGMA integrity_check(20)"));
  Statement::Rows rows = statement.rows();
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    if (rows.text(0) != "ok") report.findings.push_back(fmt::format("SQLite: {}", rows.text(0)));
  }
}

base::Status check_counts(Connection& connection, VerifyReport& report) {
  for (const char* table : {"files", "reads"}) {
    FM_ASSIGN(const std::int64_t difference,
              connection.integer(
                  fmt::format("SELECT (SELECT total({0}) FROM commits) - (SELECT count(*) FROM commit_{0})", table)));
    if (difference != 0)
      report.findings.push_back(fmt::format("the table commit_{} has {} rows {} than its commits say", table,
                                            std::abs(difference), difference > 0 ? "fewer" : "more"));
  }
  return {};
}

void check_mark(const std::optional<Mark::Value>& mark, const base::Result<WalScan>& wal, VerifyReport& report) {
  if (!wal.ok()) report.findings.push_back(wal.error().message);
  if (!mark) return;
  report.acknowledged_sequence = mark->sequence;
  if (mark->sequence <= report.durable_sequence) return;
  std::string text = fmt::format("batches {} to {} were acknowledged and are not in the database",
                                 report.durable_sequence + 1, mark->sequence);
  if (wal.ok() && wal->broken())
    text += fmt::format(": the write-ahead log is damaged at frame {}, {} transactions lie behind it",
                        wal->frames_whole + 1, wal->commits_after_break);
  report.findings.push_back(std::move(text));
}

base::Result<Connection> open_untouched(const std::filesystem::path& path) {
  FM_ASSIGN(Connection connection, Connection::open(path, SQLITE_OPEN_READWRITE));
  checkpoint_on_close(connection, false);
  FM_TRY(configure(connection));
  FM_TRY(connection.run("PRAGMA query_only = ON"));
  FM_TRY(require_store(connection, path));
  return connection;
}

base::Status inspect(const std::filesystem::path& path, Connection& connection, VerifyReport& report) {
  FM_ASSIGN(const std::int64_t schema, connection.integer("PRAGMA user_version"));
  report.schema = static_cast<std::uint32_t>(schema);
  if (report.schema > newest_schema() || report.schema == 0)
    return base::Error{
        std::string(text_of(report.schema == 0 ? StoreError::NotAStore : StoreError::NewerSchema)),
        fmt::format("{} has schema {}, this program checks 1 to {}", path.string(), schema, newest_schema()), "", ""};
  FM_TRY(check_integrity(connection, report));
  FM_ASSIGN(const Position position, read_position(connection));
  report.durable_sequence = position.sequence;
  FM_ASSIGN(const std::int64_t epoch, connection.integer("SELECT epoch FROM meta"));
  report.epoch = static_cast<std::uint32_t>(epoch);
  FM_ASSIGN(const EpochNonces epochs, read_epochs(connection));
  FM_ASSIGN(auto links, read_links(connection));
  FM_TRY(ChainCheck(std::move(links), report).run(connection, epochs, position));
  return check_counts(connection, report);
}

struct EmptyFile {  // deleted at the end, if it is empty still; no path: nothing is
  std::filesystem::path path;
  ~EmptyFile() {
    std::error_code fault;
    if (!path.empty() && std::filesystem::file_size(path, fault) == 0 && !fault) std::filesystem::remove(path, fault);
  }
};

constexpr int kStepsBetweenLooks = 100'000;  // of SQLite's machine: some milliseconds

base::Result<VerifyReport> verify_unlocked(const std::filesystem::path& path,
                                           const std::atomic<bool>* give_up = nullptr) {
  if (!std::filesystem::exists(path))
    return base::error_of(StoreError::File, fmt::format("{} does not exist", path.string()), "",
                          "name the jobs.db in the scheduler's data_directory");
  VerifyReport report;
  // Before SQLite sees it: the log is judged as it lies on disk.
  const base::Result<WalScan> wal = scan_wal(beside(path, "-wal"));
  FM_ASSIGN(const std::optional<Mark::Value> mark, Mark::read(path));
  FM_ASSIGN(Connection connection, open_untouched(path));
  if (give_up != nullptr)
    sqlite3_progress_handler(
        connection.handle(), kStepsBetweenLooks,
        [](void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0; },
        const_cast<std::atomic<bool>*>(give_up));
  if (const base::Status inspected = inspect(path, connection, report); !inspected.ok()) {
    // Damage that SQLite itself stumbles over is what was asked for, not a failure to look.
    if (!is(inspected, StoreError::Corrupt) && !is(inspected, StoreError::Io)) return inspected.error();
    report.findings.push_back(inspected.error().message);
  }
  check_mark(mark, wal, report);
  return report;
}

// SQLite's header (sqlite.org/fileformat.html): pages of a size, so many of them, where the count is up to date.
base::Status check_file_size(const std::filesystem::path& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::array<unsigned char, 100> header{};
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return base::error_of(StoreError::File, fmt::format("open {}: {}", path.string(), std::strerror(errno)), "",
                          "the store must belong to the scheduler's user");
  const ssize_t count = ::pread(file.get(), header.data(), header.size(), 0);
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size == 0) return {};  // made, and not yet written
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  if (count != static_cast<ssize_t>(header.size()) || !text.starts_with(kMagic))
    return base::error_of(StoreError::NotAStore, fmt::format("{} is not a database", path.string()), "",
                          "restore a backup");
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | header[at + i];
    return value;
  };
  const std::uint64_t page_bytes = number(16, 2) == 1 ? 65536 : number(16, 2), pages = number(28, 4);
  if (number(24, 4) != number(92, 4) || static_cast<std::uint64_t>(size) >= page_bytes * pages) return {};
  return base::error_of(StoreError::Corrupt,
                        fmt::format("{} is truncated: it has {} bytes of {}", path.string(), size, page_bytes * pages),
                        "", "restore a backup: framemill-scheduler restore");
}

base::Status note_upkeep(Connection& connection, const Cause& cause, std::string_view verb, const std::string& detail) {
  FM_ASSIGN(Statement statement, connection.prepare("INSERT INTO upkeep (time_ms, principal, reason, verb, detail) "
                                                    "VALUES (?, ?, ?, ?, ?)"));
  return statement.run(cause.time, cause.principal, cause.reason, verb, detail);
}

base::Status move_if_there(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code fault;
  std::filesystem::rename(from, to, fault);
  if (!fault || fault == std::errc::no_such_file_or_directory) return {};
  return base::error_of(StoreError::File,
                        fmt::format("move {} to {}: {}", from.string(), to.string(), fault.message()));
}

}  // namespace

base::Result<VerifyReport> verify(const std::filesystem::path& path) {
  FM_ASSIGN(const Descriptor lock, lock_store(path));
  return verify_unlocked(path);
}

base::Result<VerifyReport> verify_copy(const std::filesystem::path& path, const std::atomic<bool>& give_up) {
  FM_ASSIGN(VerifyReport report, verify_unlocked(path, &give_up));
  if (give_up) return base::error_of(StoreError::Stopped, fmt::format("the check of {} was given up", path.string()));
  return report;
}

base::Result<Glance> glance(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.parent_path().empty() ? "." : path.parent_path();
  FM_TRY(require_local_file_system(directory));
  if (::access(path.c_str(), F_OK) != 0) return Glance{};
  FM_TRY(check_file_size(path));
  const Descriptor lock(::open(beside(path, ".lock").c_str(), O_RDWR | O_CLOEXEC));
  if (!lock && errno != ENOENT)
    return base::error_of(StoreError::File,
                          fmt::format("open {}: {}", beside(path, ".lock").string(), std::strerror(errno)), "",
                          "the files beside the store must belong to the scheduler's user");
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Glance{true, true};
  // A store that was closed well has no log; looking at it makes an empty one, which goes again.
  const std::filesystem::path log = beside(path, "-wal");
  const EmptyFile made_by_looking{::access(log.c_str(), F_OK) == 0 ? std::filesystem::path() : log};
  FM_ASSIGN(Connection connection, open_untouched(path));
  FM_ASSIGN(const std::int64_t schema, connection.integer("PRAGMA user_version"));
  if (schema > newest_schema())
    return base::error_of(StoreError::NewerSchema, fmt::format("{} has schema {}, this program knows up to {}",
                                                               path.string(), schema, newest_schema()));
  if (schema == 0) return Glance{true, false};
  FM_ASSIGN(const Position position, read_position(connection));
  FM_ASSIGN(const std::optional<Mark::Value> mark, Mark::read(path));
  FM_TRY(require_whole_history(path, position, mark));
  return Glance{true, false};
}

base::Status restore(const std::filesystem::path& from, const std::filesystem::path& to, const Cause& cause) {
  FM_ASSIGN(const Descriptor lock, lock_store(to));
  FM_ASSIGN(const VerifyReport report, verify_unlocked(from));
  if (!report.whole())
    return base::error_of(StoreError::Corrupt,
                          fmt::format("the backup {} is damaged: {}", from.string(), report.findings.front()), "",
                          "use another backup");
  const std::filesystem::path fresh = beside(to, ".restoring");
  std::filesystem::remove(fresh);  // of a restore that was killed
  {
    FM_ASSIGN(Connection backup, open_untouched(from));
    FM_TRY(copy_database(backup, fresh));
    FM_ASSIGN(Connection copy, Connection::open(fresh, SQLITE_OPEN_READWRITE));
    FM_TRY(configure(copy));
    FM_TRY(note_upkeep(copy, cause, "restore",
                       fmt::format("from {} at batch {}", from.string(), report.durable_sequence)));
  }
  FM_TRY(give_to_directory_owner(fresh));
  // The mark goes last: whatever a crash leaves before that, the store does not open by mistake.
  const std::filesystem::path aside = beside(to, fmt::format(".replaced-{}", cause.time.unix_ms));
  FM_TRY(move_if_there(beside(to, "-wal"), beside(aside, "-wal")));
  FM_TRY(move_if_there(to, aside));
  FM_TRY(move_if_there(fresh, to));
  FM_TRY(Mark::clear(to));
  const std::filesystem::path directory = to.parent_path();
  return base::sync_directory(directory.empty() ? "." : directory);
}

base::Status new_era(const std::filesystem::path& path, const Cause& cause) {
  FM_ASSIGN(const Descriptor lock, lock_store(path));
  if (!std::filesystem::exists(path))
    return base::error_of(StoreError::File, fmt::format("{} does not exist", path.string()), "",
                          "name the jobs.db in the scheduler's data_directory");
  FM_ASSIGN(const std::optional<Mark::Value> mark, Mark::read(path));
  FM_ASSIGN(Connection connection, Connection::open(path, SQLITE_OPEN_READWRITE));
  FM_TRY(configure(connection));
  FM_TRY(require_store(connection, path));
  FM_ASSIGN(const Position position, read_position(connection));
  // Eras grow, whatever the clock says: workers go by it.
  FM_ASSIGN(const EpochHistory history, read_epoch_history(connection));
  Cause later = cause;
  later.time.unix_ms = std::max(cause.time.unix_ms, static_cast<std::int64_t>(history.era) + 1);
  FM_TRY(note_upkeep(connection, later, "new_era",
                     fmt::format("goes on after batch {}; {} was acknowledged", position.sequence,
                                 mark ? mark->sequence : position.sequence)));
  return Mark::clear(path);
}

}  // namespace framemill::scheduler::store
