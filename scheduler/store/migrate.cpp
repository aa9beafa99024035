// migrate(): one transaction per migration, so that a crash leaves the schema before or after it.
#include <fmt/format.h>

#include "base/log.h"
#include "scheduler/store/backup_copy.h"
#include "scheduler/store/file_guard.h"
#include "scheduler/store/schema.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

base::Status apply(Connection& connection, const Migration& migration, base::WallTime now) {
  FM_TRY(connection.run("BEGIN IMMEDIATE"));
  FM_TRY(connection.run(migration.sql));
  FM_TRY(connection.run(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  FM_TRY(connection.run(fmt::format("PRAGMA user_version = {}", migration.number).c_str()));
  FM_ASSIGN(Statement note, connection.prepare("INSERT INTO upkeep (time_ms, principal, reason, verb, detail) "
                                               "VALUES (?, 'scheduler', 'a newer program', 'migrate', ?)"));
  FM_TRY(note.run(now, fmt::format("schema {}", migration.number)));
  return connection.run("COMMIT");
}

}  // namespace

base::Status migrate(Connection& connection, const std::filesystem::path& path, base::WallTime now) {
  FM_ASSIGN(const std::int64_t schema, connection.integer("PRAGMA user_version"));
  if (schema > newest_schema())
    return base::error_of(
        StoreError::NewerSchema,
        fmt::format("{} has schema {}, this program knows up to {}", path.string(), schema, newest_schema()), "",
        "run the newer program, or restore the backup that it made before its migration");
  if (schema == newest_schema()) return {};
  if (schema > 0) {
    // Named by what it holds: a second try after a crash finds the copy already there.
    FM_ASSIGN(const std::int64_t sequence, connection.integer("SELECT sequence FROM meta"));
    const std::filesystem::path backup = beside(path, fmt::format(".schema-{}-batch-{}", schema, sequence));
    if (!std::filesystem::exists(backup)) FM_TRY(copy_database(connection, backup));
    base::log_info("store", "migrating {} from schema {} to {}; the old one is kept in {}", path.string(), schema,
                   newest_schema(), backup.string());
  }
  for (const Migration& migration : migrations()) {
    if (migration.number <= schema) continue;
    if (const base::Status applied = apply(connection, migration, now); !applied.ok()) {
      connection.rollback();
      return applied.error().wrapped(fmt::format("migrate to schema {}", migration.number));
    }
  }
  return {};
}

}  // namespace framemill::scheduler::store
