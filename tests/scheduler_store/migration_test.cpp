#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "scheduler/store/maintenance.h"
#include "scheduler/store/schema.h"
#include "scheduler/store/sql.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

class RawDatabase {
 public:
  explicit RawDatabase(const std::filesystem::path& path) {
    REQUIRE(sqlite3_open(path.c_str(), &handle_) == SQLITE_OK);
  }
  ~RawDatabase() { sqlite3_close(handle_); }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void run(const std::string& sql) {
    char* error = nullptr;
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &error);
    INFO(sql << ": " << (error == nullptr ? "" : error));
    REQUIRE(code == SQLITE_OK);
  }
  // Every row as its values joined by '|'.
  std::vector<std::string> rows(const std::string& sql) {
    std::vector<std::string> all;
    sqlite3_stmt* statement = nullptr;
    INFO(sql);
    REQUIRE(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = sqlite3_column_text(statement, i);
        row += (i == 0 ? "" : "|") + (text == nullptr ? std::string("NULL") : reinterpret_cast<const char*>(text));
      }
      all.push_back(row);
    }
    sqlite3_finalize(statement);
    return all;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// Values by the column's name: rows of different tables belong together, and no value is the default of a later column.
std::string value_of(const std::string& column, const std::string& type, int& next) {
  static const std::map<std::string, std::string> kShared{
      {"one", "1"},          {"epoch", "4"},  {"counter", "6"},
      {"job", "7"},          {"phase", "1"},  {"task", "3"},
      {"worker", "2"},       {"live", "0"},   {"chain", "zeroblob(32)"},
      {"page", "0"},         {"tasks", "40"}, {"epoch_nonce", "'00000000000000aa'"},
      {"layer", "5"},        {"steps", "9"},  {"nonce", "'00000000000000aa'"},
      {"kind", "0"},         {"number", "8"}, {"outcome", "'failed'"},
      {"state", "'running'"}};
  if (const auto shared = kShared.find(column); shared != kShared.end())
    if (type != "TEXT" || shared->second.front() == '\'') return shared->second;
  ++next;
  if (type == "INTEGER" || type == "REAL") return std::to_string(next);
  return type == "BLOB" ? fmt::format("CAST('blob {}' AS BLOB)", next) : fmt::format("'text {}'", next);
}

struct Table {
  std::string name, columns;  // "job, phase, state"
};

// A store as the programs of that schema left it, with a row in each of its tables.
std::vector<Table> make_store(const std::filesystem::path& path, std::uint32_t schema) {
  RawDatabase database(path);
  for (const Migration& migration : migrations())
    if (migration.number <= schema) database.run(std::string(migration.sql));
  database.run(fmt::format("PRAGMA user_version = {}; PRAGMA application_id = {}", schema, kApplicationId));
  std::vector<Table> tables;
  int next = 100;
  for (const std::string& name :
       database.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")) {
    Table table{name, ""};
    std::string values;
    for (const std::string& column :
         database.rows(fmt::format("SELECT name, type FROM pragma_table_info('{}')", name))) {
      const std::size_t bar = column.find('|');
      const std::string separator = table.columns.empty() ? "" : ", ";
      table.columns += separator + column.substr(0, bar);
      values += separator + value_of(column.substr(0, bar), column.substr(bar + 1), next);
    }
    database.run(fmt::format("INSERT INTO {} ({}) VALUES ({})", name, table.columns, values));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

TEST_CASE("a store of every older schema keeps each value of each table through its migration") {
  for (std::uint32_t schema = 1; schema < newest_schema(); ++schema) {
    const TempDirectory directory;
    const std::filesystem::path path = directory / "farm.db";
    std::vector<Table> tables = make_store(path, schema);
    CHECK(tables.size() >= 19);
    for (Table& table : tables)  // its column `paused` became a hold: see below
      if (table.name == "jobs" && schema < 10) table.columns.erase(table.columns.find("paused, "), 8);
    std::map<std::string, std::string> before;
    {
      RawDatabase database(path);
      for (const Table& table : tables)
        before[table.name] = database.rows(fmt::format("SELECT {} FROM {}", table.columns, table.name)).at(0);
    }
    {
      open_store(path);
    }
    RawDatabase database(path);
    CHECK(database.rows("PRAGMA user_version") == std::vector{std::to_string(newest_schema())});
    for (const Table& table : tables) {
      if (table.name == "meta") continue;  // opening raises the epoch
      INFO("schema " << schema << ", table " << table.name << ": " << table.columns);
      const auto after = database.rows(fmt::format("SELECT {} FROM {}", table.columns, table.name));
      CHECK(std::count(after.begin(), after.end(), before[table.name]) == 1);
      if (table.name != "epochs" && table.name != "upkeep") CHECK(after.size() == 1);
    }
    CHECK(database.rows("SELECT sequence FROM meta") == database.rows("SELECT sequence FROM epochs WHERE epoch = 5"));
  }
}

TEST_CASE("a job that was paused before there were holds has one, with who paused it and when") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  make_store(path, 9);
  {
    RawDatabase database(path);
    database.run(
        "CREATE TEMP TABLE copy AS SELECT * FROM jobs;"
        "UPDATE copy SET job = 8, paused = 0; INSERT INTO jobs SELECT * FROM copy;"
        "UPDATE copy SET job = 9, paused = 1, changed_by = 'ben'; INSERT INTO jobs SELECT * FROM copy;"
        "UPDATE copy SET job = 10, changed_ms = 800, change_reason = 'a \"why\"'; INSERT INTO jobs SELECT * FROM copy;"
        "INSERT INTO audit (number, principal, time_ms, reason, verb, target, sequence) VALUES"
        " (20, 'eve', 400, '', 'pause', 'job 9', 1), (21, 'ana', 500, 'lunch', 'pause', 'job 9', 1),"
        " (22, 'ben', 600, '', 'priority', 'job 9', 1), (23, 'ana', 700, '', 'pause', 'job 8', 1)");
  }
  {
    open_store(path);
  }
  RawDatabase database(path);
  CHECK(database.rows("SELECT holds FROM jobs WHERE job IN (8, 9, 10) ORDER BY job") ==
        std::vector<std::string>{"[]", R"([["pause","ana",500,"lunch",0]])", R"([["pause","ben",800,"a \"why\"",0]])"});
  CHECK(database.rows("SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'paused'") ==
        std::vector<std::string>{"0"});
}

TEST_CASE("phases of a store from before waits were on record have none") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  make_store(path, 10);
  {
    open_store(path);
  }
  RawDatabase database(path);
  CHECK(database.rows("SELECT file_waits FROM phase_states") == std::vector<std::string>{"[]"});
}

TEST_CASE("jobs of an older store get the deadline of their spec, and wait for nothing") {
  for (const auto& [spec, deadline] :
       std::map<std::string, std::string>{{R"({"deadline":"2026-12-24T18:00:00.25+01:00"})", "1798131600000"},
                                          {R"({"name":"a"})", "0"},
                                          {"no JSON", "0"}}) {
    const TempDirectory directory;
    const std::filesystem::path path = directory / "farm.db";
    make_store(path, 11);
    {
      RawDatabase database(path);
      database.run(fmt::format("UPDATE job_documents SET spec = '{}'", spec));
    }
    {
      open_store(path);
    }
    RawDatabase database(path);
    INFO(spec);
    CHECK(database.rows("SELECT deadline_ms, awaits FROM jobs") == std::vector<std::string>{deadline + "|[]"});
  }
}

TEST_CASE("workers of an older store have no planned drain") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  make_store(path, 12);
  {
    open_store(path);
  }
  RawDatabase database(path);
  CHECK(database.rows("SELECT drain_at_ms, drain_planned_by, drain_planned_ms, drain_reason FROM workers") ==
        std::vector<std::string>{"0||0|"});
}

TEST_CASE("shares that somebody set before there were caps have none of their own") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  make_store(path, 15);
  {
    open_store(path);
  }
  RawDatabase database(path);
  CHECK(database.rows("SELECT slots_max IS NULL, weight IS NULL FROM share_rules") == std::vector<std::string>{"1|0"});
}

TEST_CASE("columns that a migration adds are filled in from the rows that are there") {
  for (const std::uint32_t schema : {1u, 2u, 3u}) {
    const TempDirectory directory;
    const std::filesystem::path path = directory / "farm.db";
    make_store(path, schema);
    {
      open_store(path);
    }
    RawDatabase database(path);
    INFO("schema " << schema);
    // Migration 4: how many files an attempt wrote and read, out of its commits.
    const auto commits = database.rows("SELECT files, reads FROM commits");
    CHECK(database.rows("SELECT files_written, files_read FROM attempts") == commits);
    CHECK(commits.at(0) != "0|0");
    CHECK(database.rows("SELECT devices, batch_sizes FROM attempts") == std::vector<std::string>{"[]|[]"});
    if (schema >= 3) continue;
    // Migration 3: what the attempts of a phase came to.
    CHECK(database.rows("SELECT model_loads, device_us FROM phase_states") ==
          database.rows("SELECT model_loads, load_us + compute_us + lost_us FROM attempts"));
    CHECK(database.rows("SELECT attempts, tries_charged FROM phase_states") == std::vector<std::string>{"1|1"});
    CHECK(database.rows("SELECT last_frame FROM troubles") == std::vector<std::string>{"NULL"});
  }
}
