#include "scheduler/daemon/init.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "net/curve_keys.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/http/tokens.h"

namespace framemill::scheduler {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

}  // namespace

TEST_CASE("a new farm gets all that it needs once, and a second time nothing changes") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("framemill-init-" + std::to_string(base::random_u64()));
  std::filesystem::create_directory(directory);
  SchedulerConfig config;
  config.data_directory = directory / "var" / "store";
  config.key_file = directory / "scheduler.key";
  config.workers_file = directory / "workers.keys";
  config.tokens_file = directory / "tokens.toml";
  NewFarm farm{directory / "scheduler.toml", "", "ana \"the\" admin", directory / "admin.token"};
  CHECK(init_farm(config, farm).error().code.starts_with("tokens."));  // not a name
  CHECK_FALSE(std::filesystem::exists(farm.token_file));
  farm.admin = "ana";
  REQUIRE(init_farm(config, farm).ok());
  CHECK(mode_of(config.key_file) == 0600);
  CHECK(mode_of(farm.token_file) == 0600);
  CHECK(mode_of(config.data_directory) == 0700);
  CHECK((mode_of(config.tokens_file) & 0027) == 0);
  CHECK(check_setup(config).ok());
  std::string token = base::read_file(farm.token_file, 1000).value();
  token.pop_back();
  const auto caller = TokenTable::read(config.tokens_file)->authenticate(token, base::wall_now());
  REQUIRE(caller.ok());
  CHECK(caller->principal == "ana");
  CHECK(caller->role == Role::Admin);

  const auto key = net::read_key_pair(config.key_file)->public_key;
  farm.token_file = directory / "second.token";
  REQUIRE(init_farm(config, farm).ok());
  CHECK(net::read_key_pair(config.key_file)->public_key == key);
  CHECK(TokenTable::read(config.tokens_file)->size() == 1);
  CHECK_FALSE(std::filesystem::exists(farm.token_file));
  std::filesystem::remove_all(directory);
}

}  // namespace framemill::scheduler
