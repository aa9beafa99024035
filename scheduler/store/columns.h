// A table as one list of its columns, each beside the member of the record that it holds:
//
//   struct WorkersTable {
//     using Row = WorkerRecord;
//     static constexpr std::string_view kName = "workers";
//     static constexpr Write kWrite = Write::Replace;
//     static void list(auto& column, auto& worker) {
//       column.key("worker", worker.id);
//       column("name", worker.name);
//     }
//   };
//
// The text of the INSERT, the UPDATE and the SELECT, the binding and the reading all walk this list, so they cannot
// disagree about order, and a new column is one line. The walks are resolved by the compiler: binding a row costs what
// the calls of sqlite3_bind_*() cost. tables.h has the lists. On the thread that owns the connection.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scheduler/store/record_text.h"
#include "scheduler/store/sql.h"

namespace framemill::scheduler::store {

// How a column behaves when its row is written again: a key finds the row, a fixed one stays, the others change.
enum class Part { Key, Fixed, Changing };

// What a second row with the same key does.
enum class Write {
  Once,     // breaks an invariant of the core
  Replace,  // takes the place of the first
  Upsert,   // changes the columns that may change
  Update    // the same, where most rows are there already: an UPDATE, and an INSERT when it finds none
};

// Wrappers for values that a column keeps in another form than their type says.
template <class T>
struct HexDigits {  // a 64-bit number as text: SQLite's integers are signed
  T& bits;
};
template <class T>
struct Bytes {  // a text that need not be UTF-8, as a blob
  T& text;
};
template <class T>
HexDigits(T&) -> HexDigits<T>;
template <class T>
Bytes(T&) -> Bytes<T>;

template <class T>
void bind_value(Statement& statement, int index, const T& value) {
  if constexpr (requires { column_text(value); }) {
    statement.bind(index, column_text(value));
  } else {
    statement.bind(index, value);
  }
}
template <class T>
void bind_value(Statement& statement, int index, const HexDigits<T>& value) {
  statement.bind(index, hex_text(value.bits));
}
template <class T>
void bind_value(Statement& statement, int index, const Bytes<T>& value) {
  statement.bind(index, std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(value.text.data()),
                                                      value.text.size()));
}

template <class T>
base::Status read_value(const Statement::Rows& rows, int index, T& value) {
  if constexpr (requires { from_column(std::string_view(), value); })
    return from_column(rows.text(index), value);
  else
    rows.get(index, value);
  return {};
}
template <class T>
base::Status read_value(const Statement::Rows& rows, int index, HexDigits<T> value) {
  FM_ASSIGN(value.bits, bits_from(rows.text(index)));
  return {};
}
template <class T>
base::Status read_value(const Statement::Rows& rows, int index, Bytes<T> value) {
  value.text = rows.text(index);
  return {};
}

// The walks over a table's list. `derived` columns are computed from the record, for people's queries, and not read.
class NameWalk {
 public:
  struct Column {
    std::string_view name;
    Part part;
    bool derived;
  };
  void key(std::string_view name, auto&&) { columns.push_back({name, Part::Key, false}); }
  void fixed(std::string_view name, auto&&) { columns.push_back({name, Part::Fixed, false}); }
  void derived(std::string_view name, auto&&) { columns.push_back({name, Part::Fixed, true}); }
  void operator()(std::string_view name, auto&&) { columns.push_back({name, Part::Changing, false}); }

  std::vector<Column> columns;
};

template <Part... kParts>
class BindWalk {
 public:
  BindWalk(Statement& statement, int& index) : statement_(statement), index_(index) {}
  void key(std::string_view, const auto& value) { add<Part::Key>(value); }
  void fixed(std::string_view, const auto& value) { add<Part::Fixed>(value); }
  void derived(std::string_view, const auto& compute) {
    if constexpr (((kParts == Part::Fixed) || ...)) {
      if constexpr (std::is_reference_v<decltype(compute())>)
        bind_value(statement_, ++index_, compute());
      else
        statement_.bind(++index_, compute());  // a text made for this is copied
    }
  }
  void operator()(std::string_view, const auto& value) { add<Part::Changing>(value); }

 private:
  template <Part kPart>
  void add(const auto& value) {
    if constexpr (((kParts == kPart) || ...)) bind_value(statement_, ++index_, value);
  }
  Statement& statement_;
  int& index_;
};

class ReadWalk {
 public:
  ReadWalk(const Statement::Rows& rows, int& index) : rows_(rows), index_(index) {}
  void key(std::string_view name, auto&& value) { take(name, value); }
  void fixed(std::string_view name, auto&& value) { take(name, value); }
  void derived(std::string_view, auto&&) {}
  void operator()(std::string_view name, auto&& value) { take(name, value); }

  base::Status status() && { return std::move(status_); }

 private:
  void take(std::string_view name, auto& value) {
    base::Status read = read_value(rows_, index_++, value);
    if (!read.ok() && status_.ok()) status_ = read.error().wrapped(fmt::format("column {}", name));
  }
  const Statement::Rows& rows_;
  int& index_;
  base::Status status_;
};

template <class Table>
std::vector<NameWalk::Column> columns_of() {
  typename Table::Row blank{};
  NameWalk walk;
  Table::list(walk, blank);
  return walk.columns;
}

// "w.worker, w.name": what RowReader reads of a table, under the name that the query gives it.
template <class Table>
std::string select_list(std::string_view alias = Table::kName) {
  std::string list;
  for (const NameWalk::Column& column : columns_of<Table>())
    if (!column.derived) list += fmt::format("{}{}.{}", list.empty() ? "" : ", ", alias, column.name);
  return list;
}

// "job, phase, task": every column, as the INSERT names them.
template <class Table>
std::string column_list(std::string_view prefix = "") {
  std::string list;
  for (const NameWalk::Column& column : columns_of<Table>())
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ", prefix, column.name);
  return list;
}

// "SELECT workers.worker, workers.name FROM workers ORDER BY name", of `rest` = "FROM workers ORDER BY name".
template <class Table>
std::string select_sql(std::string_view rest) {
  return fmt::format("SELECT {} {}", select_list<Table>(), rest);
}

template <class Table>
std::string insert_sql() {
  std::string marks, keys, changes;
  for (const NameWalk::Column& column : columns_of<Table>()) {
    marks += marks.empty() ? "?" : ", ?";
    if (column.part == Part::Key) keys += fmt::format("{}{}", keys.empty() ? "" : ", ", column.name);
    if (column.part == Part::Changing)
      changes += fmt::format("{0}{1} = excluded.{1}", changes.empty() ? "" : ", ", column.name);
  }
  const std::string insert =
      fmt::format("INSERT{} INTO {} ({}) VALUES ({})", Table::kWrite == Write::Replace ? " OR REPLACE" : "",
                  Table::kName, column_list<Table>(), marks);
  if (Table::kWrite != Write::Upsert) return insert;
  return fmt::format("{} ON CONFLICT ({}) DO UPDATE SET {}", insert, keys, changes);
}

template <class Table>
std::string update_sql() {
  std::string keys, changes;
  for (const NameWalk::Column& column : columns_of<Table>()) {
    if (column.part == Part::Key) keys += fmt::format("{}{} = ?", keys.empty() ? "" : " AND ", column.name);
    if (column.part == Part::Changing) changes += fmt::format("{}{} = ?", changes.empty() ? "" : ", ", column.name);
  }
  return fmt::format("UPDATE {} SET {} WHERE {}", Table::kName, changes, keys);
}

// Writes rows of one table. `row` may be of any type with the members that the list names.
template <class Table>
class RowWriter {
 public:
  base::Status prepare(Connection& connection) {
    FM_ASSIGN(insert_, connection.prepare(insert_sql<Table>()));
    if constexpr (Table::kWrite == Write::Update) {
      FM_ASSIGN(update_, connection.prepare(update_sql<Table>()));
    }
    return {};
  }

  base::Status put(const auto& row) {
    if constexpr (Table::kWrite == Write::Update) {
      FM_ASSIGN(const bool found, update(row));
      if (found) return {};
    }
    return insert(row);
  }

  base::Status insert(const auto& row) {
    int index = 0;
    insert_.start();
    bind<Part::Key, Part::Fixed, Part::Changing>(insert_, index, row);
    return insert_.finish();
  }

  // False: there is no such row.
  base::Result<bool> update(const auto& row)
    requires(Table::kWrite == Write::Update)
  {
    int index = 0;
    update_.start();
    bind<Part::Changing>(update_, index, row);
    bind<Part::Key>(update_, index, row);
    FM_TRY(update_.finish());
    return update_.changes() > 0;
  }

 private:
  template <Part... kParts>
  static void bind(Statement& statement, int& index, const auto& row) {
    BindWalk<kParts...> walk(statement, index);
    Table::list(walk, row);
  }

  Statement insert_, update_;
};

// The table among `Tables` whose rows are of this type.
template <class Row, class First, class... Rest>
struct TableOf
    : std::conditional_t<std::is_same_v<Row, typename First::Row>, std::type_identity<First>, TableOf<Row, Rest...>> {};
template <class Row, class Last>
struct TableOf<Row, Last> : std::type_identity<Last> {
  static_assert(std::is_same_v<Row, typename Last::Row>, "no table has such rows: name it in tables.h");
};

// One writer for each table.
template <class... Tables>
class RowWriters {
 public:
  base::Status prepare(Connection& connection) {
    base::Status status;
    (void)((status = std::get<RowWriter<Tables>>(writers_).prepare(connection), status.ok()) && ...);
    return status;
  }
  template <class Table>
  RowWriter<Table>& of() {
    return std::get<RowWriter<Table>>(writers_);
  }
  template <class Row>
  auto& of_row() {
    return of<typename TableOf<Row, Tables...>::type>();
  }

 private:
  std::tuple<RowWriter<Tables>...> writers_;
};

// The columns of a result row, table after table, in the order in which the query selected their lists.
class RowReader {
 public:
  explicit RowReader(const Statement::Rows& rows) : rows_(rows) {}

  // A column without a value (of a LEFT JOIN) is read as zero or empty. Errors: store.corrupt.
  template <class Table>
  base::Status read(auto& row) {
    ReadWalk walk(rows_, index_);
    Table::list(walk, row);
    base::Status status = std::move(walk).status();
    if (status.ok()) return status;
    return status.error().wrapped(fmt::format("table {}", Table::kName));
  }
  template <class Table>
  base::Result<typename Table::Row> read() {
    typename Table::Row row{};
    FM_TRY(read<Table>(row));
    return row;
  }
  // A column that is of no table.
  template <class T>
  T value() {
    T value{};
    rows_.get(index_++, value);
    return value;
  }

 private:
  const Statement::Rows& rows_;
  int index_ = 0;
};

}  // namespace framemill::scheduler::store
