#include "scheduler/store/sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

StoreError error_code(int code, int system_errno) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return StoreError::DiskFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return StoreError::InUse;
    case SQLITE_CORRUPT:
      return StoreError::Corrupt;
    case SQLITE_NOTADB:
      return StoreError::NotAStore;
    case SQLITE_CONSTRAINT:
      return StoreError::Invariant;
    case SQLITE_IOERR:
      // A failed fsync leaves unknown what is on disk, so it is never taken for a full disk, whatever its errno says.
      if (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC &&
          (system_errno == ENOSPC || system_errno == EDQUOT))
        return StoreError::DiskFull;
      return StoreError::Io;
    default:
      return StoreError::Io;
  }
}

const char* error_hint(StoreError error) {
  if (error == StoreError::Corrupt || error == StoreError::NotAStore)
    return "keep the file; see what framemill-scheduler verify says of it, then put a backup in its place with restore";
  if (error == StoreError::InUse) return "another scheduler or a maintenance verb works on it: stop that first";
  return "";
}

}  // namespace

base::Error sql_error(sqlite3* connection, int code, std::string_view doing) {
  const int system_errno = connection ? sqlite3_system_errno(connection) : 0;
  std::string message = connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  if ((code & 0xff) == SQLITE_IOERR && system_errno != 0) message += fmt::format(", {}", std::strerror(system_errno));
  message += fmt::format(" ({})", doing);
  const StoreError error = error_code(code, system_errno);
  return base::error_of(error, std::move(message), "", error_hint(error));
}

bool is_disk_full(const base::Error& error) {
  return is(error, StoreError::DiskFull);
}

base::Result<Connection> Connection::open(const std::filesystem::path& path, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(handle);
  if (code != SQLITE_OK) return sql_error(handle, code, fmt::format("open {}", path.string()));
  sqlite3_extended_result_codes(handle, 1);
  return connection;
}

base::Status Connection::run(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  const std::string_view first_line(sql, std::min(std::strcspn(sql, "\n"), std::size_t{80}));
  return sql_error(handle(), code, first_line);
}

base::Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return sql_error(handle(), code, sql);
  return Statement(statement);
}

base::Result<std::int64_t> Connection::integer(std::string_view sql) {
  FM_ASSIGN(Statement statement, prepare(sql));
  Statement::Rows rows = statement.rows();
  FM_ASSIGN(const bool found, rows.next());
  return found ? rows.integer(0) : 0;
}

void Connection::rollback() {
  // Some errors have rolled back already; a failure to roll back shows at the next BEGIN.
  if (in_transaction()) sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

base::Error Statement::fail(int code) const {
  return sql_error(sqlite3_db_handle(handle_.get()), code, sqlite3_sql(handle_.get()));
}

base::Status Statement::finish() {
  const int code = bind_fault_ != SQLITE_OK ? bind_fault_ : sqlite3_step(handle_.get());
  if (code == SQLITE_DONE || code == SQLITE_ROW) {
    sqlite3_reset(handle_.get());
    return {};
  }
  base::Error error = fail(code);
  sqlite3_reset(handle_.get());
  return error;
}

base::Result<bool> Statement::Rows::next() {
  const int code = statement_->bind_fault_ != SQLITE_OK ? statement_->bind_fault_ : sqlite3_step(raw());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return statement_->fail(code);
}

std::string Statement::Rows::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(raw(), column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(raw(), column))) : std::string();
}

std::vector<std::uint8_t> Statement::Rows::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(raw(), column));
  if (!bytes) return {};
  return {bytes, bytes + sqlite3_column_bytes(raw(), column)};
}

base::Sha256 Statement::Rows::digest(int column) const {
  base::Sha256 digest;
  const void* bytes = sqlite3_column_blob(raw(), column);
  if (bytes && sqlite3_column_bytes(raw(), column) == 32) std::memcpy(digest.bytes.data(), bytes, 32);
  return digest;
}

}  // namespace framemill::scheduler::store
