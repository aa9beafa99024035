#include "bench/sqlite_rows.h"

#include "scheduler/store/sql.h"

namespace framemill::bench {

namespace store = scheduler::store;

base::Result<double> sqlite_rows_per_second(const std::filesystem::path& file, std::size_t rows_per_commit,
                                            std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  FM_ASSIGN(store::Connection connection, store::Connection::open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  FM_TRY(
      connection.run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -65536;"
                     "CREATE TABLE rows (job INTEGER, phase INTEGER, task INTEGER, payload BLOB, "
                     "PRIMARY KEY (job, phase, task)) WITHOUT ROWID"));
  FM_ASSIGN(store::Statement begin, connection.prepare("BEGIN IMMEDIATE"));
  FM_ASSIGN(store::Statement insert, connection.prepare("INSERT INTO rows VALUES (1, 0, ?, ?)"));
  FM_ASSIGN(store::Statement commit, connection.prepare("COMMIT"));
  const std::string payload(40, 'x');
  std::size_t rows = 0;
  const auto started = Clock::now();
  while (Clock::now() - started < time) {
    FM_TRY(begin.run());
    for (std::size_t row = 0; row < rows_per_commit; ++row) FM_TRY(insert.run(++rows, payload));
    FM_TRY(commit.run());
  }
  return static_cast<double>(rows) / std::chrono::duration<double>(Clock::now() - started).count();
}

}  // namespace framemill::bench
