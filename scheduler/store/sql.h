// SQLite behind values: a connection and prepared statements whose failures are base::Error. The only files that
// include sqlite3.h are this header's .cpp and those of the same room. Used on one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "base/strong_id.h"
#include "base/time.h"

namespace framemill::scheduler::store {

// Result codes as errors: store.disk_full, store.in_use, store.corrupt, store.io, store.invariant (a constraint).
base::Error sql_error(sqlite3* connection, int code, std::string_view doing);
bool is_disk_full(const base::Error& error);

class Statement;

class Connection {
 public:
  static base::Result<Connection> open(const std::filesystem::path& path, int flags);

  base::Status run(const char* sql);  // one or more statements without results
  base::Result<Statement> prepare(std::string_view sql);
  base::Result<std::int64_t> integer(std::string_view sql);  // the first column of the first row; 0 when there is none
  bool in_transaction() const { return sqlite3_get_autocommit(handle()) == 0; }
  void rollback();  // whatever state it is in
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement. Texts and blobs are bound without a copy: they must live until run() returns, or, with rows(),
// until the Rows are gone. Only bind() of a temporary string copies.
class Statement {
 public:
  class Rows;
  Statement() = default;  // not to be run

  template <class... Args>
  base::Status run(const Args&... args) {
    bind_all(args...);
    return finish();
  }
  template <class... Args>
  Rows rows(const Args&... args);

  // The same in parts, for rows that are bound by their table's columns (columns.h): start(), bind() each, finish().
  void start() { bind_fault_ = SQLITE_OK; }
  base::Status finish();
  // The parameter `index`, from 1.
  template <class Int>
    requires std::is_integral_v<Int>
  void bind(int index, Int value) {
    note(sqlite3_bind_int64(handle_.get(), index, static_cast<sqlite3_int64>(value)));
  }
  void bind(int index, double value) { note(sqlite3_bind_double(handle_.get(), index, value)); }
  void bind(int index, std::string_view text) {
    note(sqlite3_bind_text64(handle_.get(), index, text.data() ? text.data() : "", text.size(), SQLITE_STATIC,
                             SQLITE_UTF8));
  }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, std::string&& text) {
    note(sqlite3_bind_text64(handle_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void bind(int index, std::span<const std::uint8_t> bytes) {
    note(bytes.empty() ? sqlite3_bind_zeroblob(handle_.get(), index, 0)
                       : sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC));
  }
  void bind(int index, const std::vector<std::uint8_t>& bytes) { bind(index, std::span<const std::uint8_t>(bytes)); }
  void bind(int index, const base::Sha256& digest) { bind(index, std::span<const std::uint8_t>(digest.bytes)); }
  void bind(int index, base::WallTime time) { bind(index, time.unix_ms); }
  template <class Tag, class Rep>
  void bind(int index, base::StrongId<Tag, Rep> id) {
    bind(index, id.value);
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value)
      bind(index, *value);
    else
      note(sqlite3_bind_null(handle_.get(), index));
  }

  // Rows that the last run() changed.
  int changes() const { return sqlite3_changes(sqlite3_db_handle(handle_.get())); }

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  template <class... Args>
  void bind_all(const Args&... args) {
    start();
    int index = 0;
    (bind(++index, args), ...);
  }
  void note(int code) {
    if (code != SQLITE_OK) bind_fault_ = code;
  }
  base::Error fail(int code) const;

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bind_fault_ = SQLITE_OK;
};

// The result rows of one execution; resets the statement when destroyed.
class Statement::Rows {
 public:
  explicit Rows(Statement& statement) : statement_(&statement) {}
  ~Rows() { sqlite3_reset(raw()); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  base::Result<bool> next();  // false: no more
  // Calls `take` for each row, with this; the first error ends it.
  base::Status each(const auto& take) {
    while (true) {
      FM_ASSIGN(const bool more, next());
      if (!more) return {};
      FM_TRY(take(*this));
    }
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(raw(), column); }
  template <class Int>
  Int as(int column) const {
    return static_cast<Int>(integer(column));
  }
  bool is_null(int column) const { return sqlite3_column_type(raw(), column) == SQLITE_NULL; }
  std::string text(int column) const;
  std::vector<std::uint8_t> blob(int column) const;
  base::Sha256 digest(int column) const;  // zero when the blob is not 32 bytes
  base::WallTime time(int column) const { return {integer(column)}; }

  // By the type of the value; NULL is zero or empty.
  void get(int column, bool& value) const { value = integer(column) != 0; }
  template <class Int>
    requires std::is_integral_v<Int>
  void get(int column, Int& value) const {
    value = as<Int>(column);
  }
  void get(int column, double& value) const { value = sqlite3_column_double(raw(), column); }
  template <class Tag, class Rep>
  void get(int column, base::StrongId<Tag, Rep>& id) const {
    id.value = as<Rep>(column);
  }
  template <class T>
  void get(int column, std::optional<T>& value) const {
    value.reset();
    if (!is_null(column)) get(column, value.emplace());
  }
  void get(int column, std::string& value) const { value = text(column); }
  void get(int column, std::vector<std::uint8_t>& value) const { value = blob(column); }
  void get(int column, base::Sha256& value) const { value = digest(column); }
  void get(int column, base::WallTime& value) const { value = time(column); }

 private:
  sqlite3_stmt* raw() const { return statement_->handle_.get(); }
  Statement* statement_;
};

template <class... Args>
Statement::Rows Statement::rows(const Args&... args) {
  bind_all(args...);
  return Rows(*this);
}

}  // namespace framemill::scheduler::store
