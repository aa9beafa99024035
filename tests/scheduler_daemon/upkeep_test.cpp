// Key files that are read again, and copies of the store that are made while it works.
#include "scheduler/daemon/upkeep.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <optional>

#include "daemon_fixture.h"
#include "scheduler/daemon/backup_files.h"
#include "scheduler/store/maintenance.h"

namespace framemill::scheduler {
namespace {

using test::DaemonFixture;

constexpr const char* kReason = "a reason that no other row of the store has";

struct UpkeepFixture {
  DaemonFixture farm;
  SchedulerConfig config;
  std::vector<net::CurvePublicKey> workers;
  std::optional<TokenTable> tokens;
  std::string status;
  std::optional<Upkeep> upkeep;

  UpkeepFixture() {
    config.data_directory = farm.directory;
    config.workers_file = farm.directory / "workers.keys";
    config.tokens_file = farm.directory / "tokens.toml";
    config.backups_kept = 3;
    write("workers.keys", "");
    write("tokens.toml", "");
    begin();
  }
  ~UpkeepFixture() { upkeep.reset(); }

  void begin() {
    upkeep.emplace(
        Upkeep::Parts{farm.loop, [this](std::vector<net::CurvePublicKey> keys) { workers = std::move(keys); },
                      [this](TokenTable table) { tokens = std::move(table); },
                      [this](std::filesystem::path file, auto done) {
                        return farm.process->copy_store(std::move(file), std::move(done));
                      },
                      [this] { return farm.process->store_counters(); },
                      [this](const std::string& text) { status = text; }},
        config);
  }
  void restart() {
    upkeep.reset();
    farm.start();
    begin();
  }
  void write(const char* name, const std::string& text) {
    std::filesystem::remove(farm.directory / name);
    std::ofstream(farm.directory / name) << text;
    std::filesystem::permissions(farm.directory / name, std::filesystem::perms::owner_read);
  }
  void submit() {
    SubmitRequest request;
    request.principal = "ana";
    request.reason = kReason;
    request.text = test::command_spec("clip");
    REQUIRE(farm.submit(std::move(request)).ok());
  }
  base::Result<StoreCopy> copy(UpkeepPort::Copy what) {
    std::mutex mutex;  // the reply comes from the checker's thread
    std::optional<base::Result<StoreCopy>> made;
    upkeep->copy_store("root", what, [&](base::Result<StoreCopy> result) {
      const std::lock_guard lock(mutex);
      made = std::move(result);
    });
    REQUIRE(farm.run_until([&] {
      const std::lock_guard lock(mutex);
      return made.has_value();
    }));
    return *std::move(made);
  }
};

// Flips a letter of the reason wherever the file has it; how often.
int damage(const std::filesystem::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  stream.clear();
  int found = 0;
  for (std::size_t at = text.find(kReason); at != std::string::npos; at = text.find(kReason, at + 1), ++found) {
    stream.seekp(static_cast<std::streamoff>(at + 2));
    stream.put('R');
  }
  return found;
}

std::string token_entry(const std::string& principal) {
  return "[[token]]\nprincipal = \"" + principal + "\"\nrole = \"artist\"\nsha256 = \"" +
         base::sha256("token of " + principal).hex() + "\"\n";
}

}  // namespace

TEST_CASE("each key file is read again by itself, and a refused one is named and keeps what was read before") {
  UpkeepFixture fixture;
  fixture.write("workers.keys", net::public_key_line(net::make_curve_key_pair().public_key, "w1"));
  fixture.write("tokens.toml", token_entry("ana") + token_entry("ben"));
  CHECK(reloaded_whole(fixture.upkeep->reload_now("SIGHUP")));
  CHECK(fixture.workers.size() == 1);
  CHECK(fixture.tokens->size() == 2);
  CHECK(fixture.status == "ready");

  fixture.write("workers.keys", "");
  fixture.write("tokens.toml", "[[token]]\nprincipal = \n");
  const auto files = fixture.upkeep->reload_now("SIGHUP");
  CHECK_FALSE(reloaded_whole(files));
  REQUIRE(files.size() == 2);
  CHECK_FALSE(files[0].refused);
  REQUIRE(files[1].refused);
  CHECK(fixture.workers.empty());      // taken
  CHECK(fixture.tokens->size() == 2);  // kept
  CHECK(fixture.status.find("tokens.toml cannot be used and was not read again") != std::string::npos);
  CHECK(fixture.status.find('\n') == std::string::npos);

  fixture.write("tokens.toml", token_entry("ana"));
  CHECK(reloaded_whole(fixture.upkeep->reload_now("SIGHUP")));
  CHECK(fixture.tokens->size() == 1);
  CHECK(fixture.status == "ready");
}

TEST_CASE("a backup of a working store is checked whole, restores, and the oldest ones go") {
  UpkeepFixture fixture;
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) {
    fixture.submit();
    const auto copy = fixture.copy(UpkeepPort::Copy::Keep);
    REQUIRE(copy.ok());
    CHECK(copy->durable_sequence == fixture.farm.process->store_counters().durable_sequence);
    CHECK(copy->size_bytes == std::filesystem::file_size(copy->file));
    made.push_back(copy->file);
  }
  const auto kept = list_backups(fixture.config.backups());
  REQUIRE(kept.size() == 3);
  CHECK(std::vector<std::string>(kept.begin(), kept.end()) == std::vector<std::string>(made.begin() + 2, made.end()));
  CHECK(fixture.upkeep->figures().last_copy->file == made.back());
  const auto checked = fixture.copy(UpkeepPort::Copy::CheckAlone);
  REQUIRE(checked.ok());
  CHECK(checked->file.empty());
  CHECK(list_backups(fixture.config.backups()).size() == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(fixture.config.backups()), {}) == 3);

  const auto elsewhere = fixture.farm.directory / "restored.db";
  REQUIRE(store::restore(made.back(), elsewhere, {"root", base::wall_now(), "drill"}).ok());
  CHECK(store::verify(elsewhere).value().whole());
  CHECK(store::verify(elsewhere).value().durable_sequence == checked->durable_sequence);
}

TEST_CASE("a byte that the disk has changed is found by the next copy, although the page lies whole in memory") {
  UpkeepFixture fixture;
  fixture.submit();
  REQUIRE(fixture.copy(UpkeepPort::Copy::Keep).ok());
  fixture.restart();  // what was in the log is in the database now
  REQUIRE(fixture.copy(UpkeepPort::Copy::CheckAlone).ok());
  REQUIRE(damage(fixture.config.database()) > 0);
  const auto copy = fixture.copy(UpkeepPort::Copy::Keep);
  REQUIRE_FALSE(copy.ok());
  CHECK(copy.error().code == "store.corrupt");
  CHECK(copy.error().message.find("is not what was written") != std::string::npos);
  CHECK(fixture.upkeep->figures().damage == copy.error().message);
  CHECK(list_backups(fixture.config.backups()).size() == 1);  // the damaged copy does not push a good one out
}

TEST_CASE("one copy is made at a time, and a directory that cannot be made is reported") {
  UpkeepFixture fixture;
  fixture.submit();
  std::optional<base::Result<StoreCopy>> second;
  fixture.upkeep->copy_store("root", UpkeepPort::Copy::CheckAlone, [](base::Result<StoreCopy>) {});
  fixture.upkeep->copy_store("root", UpkeepPort::Copy::CheckAlone,
                             [&](base::Result<StoreCopy> result) { second = std::move(result); });
  REQUIRE(second);
  CHECK(second->error().code == "store.busy");
  REQUIRE(fixture.farm.run_until([&] { return fixture.upkeep->figures().last_copy.has_value(); }));
  fixture.upkeep.reset();
  fixture.config.backup_directory = fixture.farm.directory / "jobs.db" / "below a file";
  fixture.begin();
  CHECK(fixture.copy(UpkeepPort::Copy::Keep).error().code == "store.file");
}

}  // namespace framemill::scheduler
