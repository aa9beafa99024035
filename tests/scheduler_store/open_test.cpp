#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/file.h"
#include "scheduler/store/file_guard.h"
#include "scheduler/store/maintenance.h"
#include "scheduler/store/schema.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

std::string code_of_open(const std::filesystem::path& path) {
  StoreOptions options;
  options.ballast_bytes = 4096;
  auto store = Store::open(path, std::move(options));
  return store.ok() ? "opened" : store.error().code;
}

void run_sql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

// A phase with four attempts, as the first schema kept them: a good one, one that was taken back, one that failed at
// its third step, one whose worker was lost at work.
const std::string kOldAttempts = [] {
  std::string sql = "INSERT INTO phase_states VALUES (7, 1, 'running', 1, 0, 1, 1, 0, 1, 0, 0, 'avx2');";
  const char* const kEnds[][3] = {
      {"2", "'ok'", "20"}, {"0", "'revoked'", "9"}, {"1", "'failed'", "3"}, {"0", "'worker_lost'", "5"}};
  int counter = 0;
  for (const auto& [committed, outcome, steps] : kEnds)
    sql += fmt::format(
        "INSERT INTO attempts VALUES (4, {0}, 'a{0}', 7, 1, 0, 2, 1, 0, 'cpu0', 'avx2', 5, 6, 0, {1}, {2}, '', '', 10, "
        "100, 0, 0, 0, 1, {3}, 1, '[]', 0);",
        ++counter, committed, outcome, steps);
  return sql;
}();

}  // namespace

TEST_CASE("a second opener is refused, in this process and in another one") {
  const TempDirectory directory;
  {
    auto store = open_store(directory / "farm.db");
    CHECK(code_of_open(directory / "farm.db") == "store.in_use");
    CHECK(verify(directory / "farm.db").error().code == "store.in_use");
    const pid_t child = ::fork();
    if (child == 0) ::_exit(code_of_open(directory / "farm.db") == "store.in_use" ? 0 : 1);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    // Without the lock file SQLite's own exclusive lock still holds.
    std::filesystem::remove(directory / "farm.db.lock");
    const pid_t second = ::fork();
    if (second == 0) ::_exit(code_of_open(directory / "farm.db") == "store.in_use" ? 0 : 1);
    REQUIRE(::waitpid(second, &status, 0) == second);
    CHECK(status == 0);
  }
  CHECK(code_of_open(directory / "farm.db") == "opened");
}

TEST_CASE("network file systems are recognised by their magic number") {
  CHECK(is_network_file_system(0x6969));                                 // NFS
  CHECK(is_network_file_system(0xff534d42));                             // CIFS
  CHECK(is_network_file_system(0xfe534d42));                             // SMB 2
  CHECK(is_network_file_system(0x01021997));                             // 9p
  CHECK(is_network_file_system(0x65735546));                             // FUSE
  CHECK(is_network_file_system(static_cast<std::int32_t>(0xff534d42)));  // as a signed word reads it
  CHECK_FALSE(is_network_file_system(0xef53));                           // ext4
  CHECK_FALSE(is_network_file_system(0x58465342));                       // xfs
  CHECK_FALSE(is_network_file_system(0x01021994));                       // tmpfs
  CHECK(require_local_file_system(std::filesystem::temp_directory_path()).ok());
}

TEST_CASE("the database, its log and the files beside it are private") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  write_now(*store, {CountersRecord{1, 2, 3}});
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    INFO(entry.path());
    CHECK((entry.status().permissions() & std::filesystem::perms::mask) == std::filesystem::perms(0600));
    ++files;
  }
  CHECK(files == 5);  // database, -wal, .lock, .mark, .ballast
}

TEST_CASE("a database of another program, or of a newer one, is refused and left alone") {
  const TempDirectory directory;
  run_sql(directory / "other.db", "CREATE TABLE theirs (x)");
  CHECK(code_of_open(directory / "other.db") == "store.not_a_store");
  std::ofstream(directory / "text.db") << std::string(8192, 'x');
  CHECK(code_of_open(directory / "text.db") == "store.not_a_store");
  CHECK(Store::open(directory / "text.db", {}).error().hint.find("verify") != std::string::npos);
  {
    open_store(directory / "farm.db");
  }
  run_sql(directory / "farm.db", "PRAGMA user_version = 999");
  CHECK(code_of_open(directory / "farm.db") == "store.newer_schema");
  CHECK(verify(directory / "farm.db").error().code == "store.newer_schema");
  run_sql(directory / "farm.db", "PRAGMA user_version = 0");
  CHECK(verify(directory / "farm.db").error().code == "store.not_a_store");
  CHECK(verify(directory / "other.db").error().code == "store.not_a_store");
  CHECK(code_of_open(directory / "missing" / "farm.db") == "store.file");
}

TEST_CASE("a new store gets the newest schema, and an older one is migrated after a backup") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  {
    open_store(path);
  }
  CHECK(verify(path).value().schema == newest_schema());
  CHECK(verify(path).value().whole());

  // A store as the first schema left it.
  const std::filesystem::path old = directory / "old.db";
  run_sql(old, std::string(migrations()[0].sql) +
                   ";PRAGMA user_version = 1; PRAGMA application_id = 1181904236;"
                   "INSERT INTO meta VALUES (1, 4, '00000000000000aa', 17, zeroblob(32));"
                   "INSERT INTO epochs VALUES (4, '00000000000000aa', 0, 0);"
                   "INSERT INTO counters VALUES (1, 12, 3, 40);" +
                   kOldAttempts);
  static_assert(kApplicationId == 1181904236);
  auto store = open_store(old);
  CHECK(store->epoch().number == 5);
  const LoadedState loaded = store->load().value();
  CHECK(loaded.durable_sequence == 17);
  CHECK(texts_of(loaded.records) == std::vector<std::string>{"counters 12 3 40"});
  const VerifyReport backup = verify(directory / "old.db.schema-1-batch-17").value();
  CHECK(backup.schema == 1);
  CHECK(backup.whole());
  store.reset();
  CHECK(verify(old).value().schema == newest_schema());
  // What the attempts of a phase came to is summed up from the rows that were there.
  auto raw = Connection::open(old, SQLITE_OPEN_READONLY).value();
  const auto sum = [&](const std::string& column) {
    return raw.integer("SELECT " + column + " FROM phase_states WHERE job = 7 AND phase = 1").value();
  };
  CHECK(sum("attempts") == 4);
  CHECK(sum("tries_charged") == 1);
  CHECK(sum("windows_run_twice") == 2);
  CHECK(sum("model_loads") == 4);
  CHECK(sum("device_us") == 4 * (10 + 100));
}
