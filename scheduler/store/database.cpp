#include "scheduler/store/database.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "scheduler/store/record_reader.h"
#include "scheduler/store/record_text.h"
#include "scheduler/store/schema.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

std::filesystem::path directory_of(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.parent_path();
  return directory.empty() ? "." : directory;
}

// Made here, so that nobody but us can read the database and the log that SQLite makes with its mode.
base::Status create_private(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file) return {};
  return base::error_of(StoreError::File, fmt::format("open {}: {}", path.string(), std::strerror(errno)), "",
                        "check that the data directory exists and belongs to the scheduler's user");
}

base::Result<Position> current_position(Connection& connection) {
  FM_ASSIGN(const std::int64_t schema, connection.integer("PRAGMA user_version"));
  if (schema == 0) return Position{};
  FM_ASSIGN(const std::int64_t rows, connection.integer("SELECT count(*) FROM meta"));
  return rows == 0 ? base::Result<Position>(Position{}) : read_position(connection);
}

base::Result<jobs::Epoch> raise_epoch(Connection& connection, std::uint64_t nonce, base::WallTime now) {
  FM_TRY(connection.run("BEGIN IMMEDIATE"));
  FM_ASSIGN(const std::int64_t last, connection.integer("SELECT max(epoch) FROM epochs"));
  const jobs::Epoch epoch{static_cast<std::uint32_t>(last + 1), nonce};
  FM_ASSIGN(Statement meta,
            connection.prepare("INSERT INTO meta (one, epoch, epoch_nonce, sequence, chain) VALUES (1, ?1, ?2, 0, ?3) "
                               "ON CONFLICT (one) DO UPDATE SET epoch = ?1, epoch_nonce = ?2"));
  FM_TRY(meta.run(epoch.number, hex_text(nonce), base::Sha256{}));
  FM_ASSIGN(
      Statement row,
      connection.prepare("INSERT INTO epochs (epoch, nonce, started_ms, sequence) SELECT ?, ?, ?, sequence FROM meta"));
  FM_TRY(row.run(epoch.number, hex_text(nonce), now));
  FM_TRY(connection.run("COMMIT"));
  return epoch;
}

// Migrates and raises the epoch; gives the ballast away when that is what it takes.
base::Result<jobs::Epoch> begin_epoch(Database& database, std::uint64_t nonce) {
  const base::WallTime now = base::wall_now();
  const auto attempt = [&]() -> base::Result<jobs::Epoch> {
    FM_TRY(migrate(database.connection, database.path, now));
    return raise_epoch(database.connection, nonce, now);
  };
  base::Result<jobs::Epoch> epoch = attempt();
  if (!epoch.ok() && is_disk_full(epoch.error())) {
    database.connection.rollback();
    database.ballast.release();
    epoch = attempt();
  }
  if (!epoch.ok()) database.connection.rollback();
  return epoch;
}

}  // namespace

base::Status require_whole_history(const std::filesystem::path& path, const Position& position,
                                   const std::optional<Mark::Value>& mark) {
  if (!mark || mark->sequence < position.sequence) return {};
  if (mark->sequence == position.sequence && mark->chain == position.chain) return {};
  const std::string what =
      mark->sequence > position.sequence
          ? fmt::format("{} ends at batch {}, but batch {} was acknowledged", path.string(), position.sequence,
                        mark->sequence)
          : fmt::format("{} has another batch {} than the one that was acknowledged", path.string(), position.sequence);
  return base::error_of(
      StoreError::HistoryLost, what, "",
      "run framemill-scheduler verify; then restore a backup, or new-era to go on with what is there");
}

base::Status configure(Connection& connection) {
  return connection.run(
      "PRAGMA locking_mode = EXCLUSIVE;"
      "PRAGMA synchronous = FULL;"
      "PRAGMA wal_autocheckpoint = 0;"  // the store's thread does it between batches
      "PRAGMA journal_size_limit = 67108864;"
      "PRAGMA cache_size = -65536;"  // KiB
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA cell_size_check = ON;"
      "PRAGMA trusted_schema = OFF;");
}

void checkpoint_on_close(Connection& connection, bool allowed) {
  sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, allowed ? 0 : 1, nullptr);
}

base::Status require_store(Connection& connection, const std::filesystem::path& path) {
  FM_ASSIGN(const std::int64_t application, connection.integer("PRAGMA application_id"));
  FM_ASSIGN(const std::int64_t tables, connection.integer("SELECT count(*) FROM sqlite_schema"));
  if (application == kApplicationId || tables == 0) return {};
  return base::error_of(StoreError::NotAStore, fmt::format("{} is a database of another program", path.string()));
}

base::Result<Database> open_database(const std::filesystem::path& path, const DatabaseOptions& options) {
  FM_TRY(require_local_file_system(directory_of(path)));
  FM_ASSIGN(Descriptor lock, lock_store(path));
  FM_TRY(create_private(path));
  FM_ASSIGN(Connection connection, Connection::open(path, SQLITE_OPEN_READWRITE));
  checkpoint_on_close(connection, false);
  FM_TRY(configure(connection));
  FM_TRY(require_store(connection, path));
  FM_ASSIGN(const std::optional<Mark::Value> acknowledged, Mark::read(path));
  FM_ASSIGN(const Position found, current_position(connection));
  FM_TRY(require_whole_history(path, found, acknowledged));
  checkpoint_on_close(connection, true);
  FM_TRY(connection.run("PRAGMA journal_mode = WAL"));
  FM_ASSIGN(Mark mark, Mark::open(path));

  Database database{
      path, std::move(lock), std::move(connection), std::move(mark), Ballast(path, options.ballast_bytes), {}, {}, {},
      {}};
  FM_ASSIGN(database.epoch, begin_epoch(database, options.epoch_nonce));
  FM_ASSIGN(database.epochs, read_epochs(database.connection));
  FM_ASSIGN(database.history, read_epoch_history(database.connection));
  FM_ASSIGN(database.position, read_position(database.connection));
  FM_TRY(base::sync_directory(directory_of(path)));
  database.disk_full = !database.ballast.restore(Ballast::Room::Once);
  return database;
}

}  // namespace framemill::scheduler::store
