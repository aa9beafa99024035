// Reports that overtake each other on the wire.
#include <catch2/catch.hpp>

#include "stage.h"

namespace framemill::scheduler {
namespace {

using stage::Player;
using stage::Stage;

TEST_CASE("an inventory that was overtaken by the next report is taken, and an older one is not") {
  Stage stage;
  Player& player = stage.players()["w1"];
  player.key = "key 1";
  player.inventory.name = "w1";
  player.inventory.roots = {{"main", true, 1ull << 40}};
  stage.report("w1");
  const auto usable = [&] { return stage.farm().list_workers(stage.now()).at(0).roots.at(0).usable; };
  const auto say = [&](std::uint64_t sequence, std::optional<bool> root_usable) {
    WorkerReported report;
    report.key = player.key;
    report.incarnation = player.incarnation;
    report.sequence = sequence;
    if (root_usable) {
      report.inventory = player.inventory;
      report.inventory->roots[0].usable = *root_usable;
    }
    stage.apply(std::move(report));
  };
  say(3, std::nullopt);
  say(2, false);
  CHECK_FALSE(usable());
  say(5, true);
  say(4, false);
  CHECK(usable());
}

}  // namespace
}  // namespace framemill::scheduler
