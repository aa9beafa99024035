#include <catch2/catch.hpp>

#include "base/file.h"
#include "worker/daemon/config.h"

namespace framemill::worker {

TEST_CASE("the sample configuration is right and shows the defaults") {
  const auto text = base::read_file(FRAMEMILL_SOURCE_DIR "/configs/worker.toml", 1 << 20);
  REQUIRE(text.ok());
  const auto config = parse_worker_config(*text, "/etc/framemill");
  INFO((config.ok() ? std::string() : config.error().message));
  REQUIRE(config.ok());
  const WorkerConfig defaults;
  CHECK(config->drain_timeout == defaults.drain_timeout);
  CHECK(config->start_timeout == defaults.start_timeout);
  CHECK(config->hang_timeout == defaults.hang_timeout);
  CHECK(config->umask == defaults.umask);
  CHECK(config->niceness == defaults.niceness);
  CHECK(config->environment == defaults.environment);
  CHECK(config->commands.empty());
  CHECK(config->previews.enabled == defaults.previews.enabled);
  CHECK(config->previews.budget == defaults.previews.budget);
  CHECK(config->previews.keep == defaults.previews.keep);
  CHECK(config->devices.size() == 1);
  CHECK(config->slots.size() == 1);
}

}  // namespace framemill::worker
