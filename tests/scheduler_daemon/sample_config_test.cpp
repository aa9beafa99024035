#include <catch2/catch.hpp>

#include "base/file.h"
#include "scheduler/daemon/config.h"

namespace framemill::scheduler {

TEST_CASE("the sample configuration is right and shows the defaults") {
  const auto text = base::read_file(FRAMEMILL_SOURCE_DIR "/configs/scheduler.toml", 1 << 20);
  REQUIRE(text.ok());
  const auto config = parse_scheduler_config(*text, "/etc/framemill");
  INFO((config.ok() ? std::string() : config.error().message));
  REQUIRE(config.ok());
  const SchedulerConfig defaults;
  CHECK(config->listen_http == defaults.listen_http);
  CHECK(config->listen_workers == defaults.listen_workers);
  CHECK(config->allow_remote == defaults.allow_remote);
  CHECK(config->lease_ttl == defaults.lease_ttl);
  CHECK(config->silence_alarm == defaults.silence_alarm);
  CHECK(config->key_file == "/etc/framemill/scheduler.key");
  CHECK(config->roots.at("main") == "/mnt/shows");
  CHECK(config->http_limits.connections == defaults.http_limits.connections);
  CHECK(config->http_limits.connections_per_address == defaults.http_limits.connections_per_address);
  CHECK(config->http_limits.connections_per_token == defaults.http_limits.connections_per_token);
  CHECK(config->http_limits.requests_at_once_per_token == defaults.http_limits.requests_at_once_per_token);
  CHECK(config->http_limits.requests_per_second_per_token == defaults.http_limits.requests_per_second_per_token);
  CHECK(config->http_limits.requests_per_second_per_address == defaults.http_limits.requests_per_second_per_address);
}

TEST_CASE("a limit of the HTTP interface that is not one is refused with its line and range") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto parse = [&](const std::string& limits) {
    return parse_scheduler_config(files + "[http_limits]\n" + limits + "\n", "/etc/framemill");
  };
  const auto good = parse("connections = 64\nrequests_per_second_per_token = 10");
  REQUIRE(good.ok());
  CHECK(good->http_limits.connections == 64);
  CHECK(good->http_limits.requests_per_second_per_token == 10);
  CHECK(parse("connections = 15").error().code == "config.out_of_range");
  CHECK(parse("connections = -1").error().code == "config.out_of_range");
  CHECK(parse("connections = 4.5").error().code == "config.wrong_type");
  const auto typo = parse("connexions = 64");
  REQUIRE_FALSE(typo.ok());
  CHECK(typo.error().code == "config.unknown_key");
  CHECK(typo.error().field == "http_limits.connexions");
  CHECK(typo.error().message.find("line 6") != std::string::npos);
  CHECK(typo.error().hint == "did you mean \"connections\"?");
  CHECK(parse("connections = 64,\nrequests_per_second_per_token = x").error().message.find("2 mistakes") == 0);
}

TEST_CASE("a root of scheduler.toml may be written as worker.toml has it") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto config = parse_scheduler_config(
      files + "[roots]\nmain = \"frames\"\nfar = \"\"\nplates = {path = \"/mnt/plates\", access = \"read\"}\n",
      "/etc/framemill");
  REQUIRE(config.ok());
  CHECK(config->roots.at("main") == "/etc/framemill/frames");
  CHECK(config->roots.at("far").empty());
  CHECK(config->roots.at("plates") == "/mnt/plates");
}

}  // namespace framemill::scheduler
