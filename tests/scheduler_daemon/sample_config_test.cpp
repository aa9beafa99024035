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
}

}  // namespace framemill::scheduler
