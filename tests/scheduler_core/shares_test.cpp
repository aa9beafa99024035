// What the shares promise, in virtual time: how device time divides, what starts when, and that nobody waits for ever.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "scheduler/core/state/share_tree.h"
#include "share_farm.h"
#include "sim/random.h"

namespace framemill::scheduler {
namespace {

using sim::Random;
using stage::ShareFarm;

FarmSettings with_rules(std::map<std::string, ShareRules> rules) {
  FarmSettings settings;
  settings.shares.rules = std::move(rules);
  return settings;
}

std::vector<std::string> leaves_in_turn(const ShareTree& shares) {
  std::vector<std::string> paths;
  shares.each_in_turn(
      [&](ShareId leaf) {
        paths.push_back(shares.node(leaf).path);
        return false;
      },
      [](ShareId) { return false; });
  return paths;
}

TEST_CASE("children with work come in the order of what they have used for their weight, level by level") {
  ShareTree shares;
  ShareSettings settings;
  settings.rules["features"].weight = 3;
  settings.group_of = {{"atlas", "features"}, {"boreal", "features"}};
  shares.configure(std::move(settings));
  const ShareId ana = shares.leaf_of("atlas", "ana"), ben = shares.leaf_of("atlas", "ben");
  const ShareId cleo = shares.leaf_of("boreal", "cleo"), dan = shares.leaf_of("tests", "dan");
  for (const ShareId leaf : {ana, ben, cleo, dan}) shares.set_waiting(leaf, 1);
  CHECK(leaves_in_turn(shares) ==
        std::vector<std::string>{"features/atlas/ana", "features/atlas/ben", "features/boreal/cleo", "tests/dan"});
  shares.charge(ana, 200);  // features 200 / 3, atlas 200
  shares.charge(dan, 100);
  CHECK(leaves_in_turn(shares) ==
        std::vector<std::string>{"features/boreal/cleo", "features/atlas/ben", "features/atlas/ana", "tests/dan"});
  shares.charge(cleo, 400);  // features 600 / 3
  CHECK(leaves_in_turn(shares) ==
        std::vector<std::string>{"tests/dan", "features/atlas/ben", "features/atlas/ana", "features/boreal/cleo"});
  shares.set_waiting(ben, 0);
  CHECK(leaves_in_turn(shares) == std::vector<std::string>{"tests/dan", "features/atlas/ana", "features/boreal/cleo"});
  CHECK(shares.goes_before(ben, cleo));
}

TEST_CASE("a share with fewer slots than it is guaranteed comes first, whatever it has used") {
  ShareTree shares;
  ShareSettings settings;
  settings.rules["boreal"].guarantee = 1;
  shares.configure(std::move(settings));
  const ShareId ana = shares.leaf_of("atlas", "ana"), bo = shares.leaf_of("boreal", "bo");
  for (const ShareId leaf : {ana, bo}) shares.set_waiting(leaf, 1);
  shares.charge(bo, 1e9);
  CHECK(leaves_in_turn(shares).front() == "boreal/bo");
  SharesInSlot slot;
  shares.enter(bo, slot);
  CHECK(leaves_in_turn(shares).front() == "atlas/ana");
  shares.enter(bo, slot);  // a second lease in the same slot
  shares.leave(bo, slot);
  CHECK(leaves_in_turn(shares).front() == "atlas/ana");
  shares.leave(bo, slot);
  CHECK(leaves_in_turn(shares).front() == "boreal/bo");
}

TEST_CASE("what was used counts half after the half-life, and no number grows beyond its bounds in years") {
  ShareTree shares;
  ShareSettings settings;
  settings.half_life = base::seconds(60);
  shares.configure(std::move(settings));
  const ShareId ana = shares.leaf_of("atlas", "ana"), bo = shares.leaf_of("boreal", "bo");
  for (const ShareId leaf : {ana, bo}) shares.set_waiting(leaf, 1);
  base::Now now{{1000}, {1'000'000}};
  shares.settle(ana, 1e6 * shares.scale(now.monotonic), 0);
  now.monotonic = now.monotonic + base::seconds(60);
  CHECK(shares.usage_record(ana, now).used_us == 500'000);
  shares.settle(bo, 6e5 * shares.scale(now.monotonic), 0);
  CHECK(leaves_in_turn(shares).front() == "atlas/ana");  // 0.5 s against 0.6 s
  for (int hour = 0; hour < 50'000; ++hour) {
    now.monotonic = now.monotonic + base::seconds(3600);
    shares.rescale(now.monotonic);
    shares.settle(hour % 2 == 0 ? ana : bo, 1e6 * shares.scale(now.monotonic), 0);
  }
  CHECK(leaves_in_turn(shares).front() == "atlas/ana");  // boreal was charged last
  CHECK(shares.usage_record(bo, now).used_us == 1'000'000);
  CHECK(std::isfinite(shares.root().settled));
}

TEST_CASE("two equal shows divide the farm within 2 % after ten task times", "[figures]") {
  ShareFarm farm(25, 4);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 5000});
  farm.submit({.show = "boreal", .user = "bo", .tasks = 5000});
  farm.pass(100);
  const double atlas = farm.used_s("atlas"), boreal = farm.used_s("boreal");
  UNSCOPED_INFO(
      fmt::format("atlas {:.1f} %, boreal {:.1f} %", 100 * atlas / (atlas + boreal), 100 * boreal / (atlas + boreal)));
  CHECK(atlas + boreal > 0.85 * 100 * 100);  // tasks end between the looks at them
  CHECK(std::abs(atlas - boreal) / (atlas + boreal) < 0.02);
  CHECK(farm.fault() == "");
}

TEST_CASE("weights of 3 to 1 divide the farm so within 3 % after ten task times", "[figures]") {
  ShareFarm farm(25, 4, with_rules({{"atlas", {3, {}, {}}}}));
  farm.submit({.show = "boreal", .user = "bo", .tasks = 5000});
  farm.submit({.show = "atlas", .user = "ana", .tasks = 5000});
  farm.pass(100);
  const double atlas = farm.used_s("atlas"), boreal = farm.used_s("boreal");
  UNSCOPED_INFO(fmt::format("atlas {:.1f} %", 100 * atlas / (atlas + boreal)));
  CHECK(std::abs(atlas / (atlas + boreal) - 0.75) < 0.03);
}

TEST_CASE("tasks of another length do not change what a show gets: device time counts, not tasks", "[figures]") {
  ShareFarm farm(25, 4);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 5000, .task_s = 20});
  farm.submit({.show = "boreal", .user = "bo", .tasks = 20'000, .task_s = 2});
  farm.pass(400);
  const double atlas = farm.used_s("atlas"), boreal = farm.used_s("boreal");
  CHECK(std::abs(atlas - boreal) / (atlas + boreal) < 0.06);
}

TEST_CASE("a job of five frames behind one of 10,000 of another show starts within one task", "[figures]") {
  for (const std::uint32_t chunk : {1u, 4u}) {
    ShareFarm farm(5, 2);
    farm.submit({.show = "atlas", .user = "ana", .tasks = 10'000, .task_s = 10, .chunk = chunk});
    farm.pass(123);
    const double submitted = farm.now_s();
    const JobId small = farm.submit({.show = "boreal", .user = "bo", .tasks = 5, .task_s = 10});
    farm.pass(200);
    REQUIRE(farm.first_started_s(small).has_value());
    const double waited = *farm.first_started_s(small) - submitted;
    UNSCOPED_INFO(fmt::format("chunks of {}: started after {:.1f} s of tasks of 10 s", chunk, waited));
    CHECK(waited <= 10.0 * chunk);  // a program takes its whole chunk at once
  }
}

TEST_CASE("priority ranks inside a share only") {
  ShareFarm farm(5, 2);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 2000, .priority = 90});
  farm.submit({.show = "boreal", .user = "bo", .tasks = 2000, .priority = 10});
  farm.pass(300);
  const double atlas = farm.used_s("atlas"), boreal = farm.used_s("boreal");
  CHECK(std::abs(atlas - boreal) / (atlas + boreal) < 0.03);
}

TEST_CASE("users of one show divide its share, and a show does not get more by more users") {
  ShareFarm farm(10, 4);
  for (const char* user : {"ana", "ben", "cleo"}) farm.submit({.show = "atlas", .user = user, .tasks = 3000});
  farm.submit({.show = "boreal", .user = "bo", .tasks = 3000});
  farm.pass(300);
  const double all = farm.used_s("atlas") + farm.used_s("boreal");
  CHECK(std::abs(farm.used_s("atlas") / all - 0.5) < 0.03);
  for (const char* user : {"atlas/ana", "atlas/ben", "atlas/cleo"})
    CHECK(std::abs(farm.used_s(user) / all - 1.0 / 6) < 0.03);
}

TEST_CASE("a share that is idle leaves its slots to others, and gets them when it comes back") {
  ShareFarm farm(5, 4);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 20'000});
  farm.pass(1000);
  CHECK(farm.used_s("atlas") > 0.9 * 20 * 1000);
  farm.forget_used();
  farm.submit({.show = "boreal", .user = "bo", .tasks = 20'000});
  farm.pass(500);
  CHECK(farm.used_s("boreal") > 0.85 * 20 * 500);  // it has catching up to do
}

TEST_CASE("a guarantee is kept while its share has work, whatever the share has used") {
  ShareFarm farm(5, 2, with_rules({{"boreal", {0.01, 3, {}}}}));
  farm.submit({.show = "boreal", .user = "bo", .tasks = 3000});
  farm.pass(500);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 3000});
  farm.pass(100);  // atlas takes over what is not guaranteed
  farm.forget_used();
  farm.pass(300);
  CHECK(std::abs(farm.used_s("boreal") - 3 * 300) < 0.1 * 3 * 300);
  CHECK(std::abs(farm.used_s("atlas") - 7 * 300) < 0.1 * 7 * 300);
}

TEST_CASE("a capped show never has more slots than its cap, and the others take what it leaves") {
  ShareFarm farm(5, 2, with_rules({{"atlas", {9, {}, 3}}, {"boreal/bo", {{}, {}, 2}}}));
  farm.submit({.show = "atlas", .user = "ana", .tasks = 5000});
  farm.submit({.show = "boreal", .user = "bo", .tasks = 5000});
  farm.submit({.show = "boreal", .user = "cleo", .tasks = 5000});
  for (int i = 0; i < 60; ++i) {
    farm.pass(5);
    for (const ShareView& share : farm.farm().list_shares())
      if (share.slots_max > 0) CHECK(share.slots <= share.slots_max);
  }
  CHECK(farm.fault() == "");
  const double seconds = 300;
  // No gap opens between two leases of a show at its cap: its slots are as busy as the others.
  CHECK(farm.used_s("atlas") > 0.9 * 3 * seconds);
  CHECK(farm.used_s("boreal/bo") > 0.9 * 2 * seconds);
  CHECK(farm.used_s("boreal/cleo") > 0.9 * 5 * seconds);
}

TEST_CASE("a cap that is raised or lifted takes effect at once, and a lowered one ends nothing") {
  ShareFarm farm(5, 2, with_rules({{"atlas", {{}, {}, 2}}}));
  farm.submit({.show = "atlas", .user = "ana", .tasks = 5000});
  farm.pass(30);
  const auto slots = [&] { return farm.farm().list_shares().front().slots; };
  const auto set = [&](std::uint32_t slots_max) {
    ShareChangeRequested asked;
    asked.cause = {"root", farm.now().wall, "dailies"};
    asked.path = "atlas";
    asked.rules.slots_max = slots_max;
    CHECK(farm.ask(std::move(asked)).ok());
    farm.pass(1);
  };
  CHECK(slots() == 2);
  set(7);
  CHECK(slots() == 7);
  set(3);
  CHECK(slots() > 3);
  farm.pass(60);
  CHECK(slots() == 3);
  farm.restart();
  farm.pass(30);
  CHECK(slots() == 3);
  set(0);
  CHECK(slots() == 10);
  CHECK(farm.fault() == "");
}

TEST_CASE("what was used survives a restart, and costs a row a second for each share and not for each task") {
  ShareFarm farm(10, 10);
  farm.submit({.show = "atlas", .user = "ana", .tasks = 50'000, .task_s = 1});
  farm.pass(60);
  CHECK(farm.rows_written() <= 61);
  CHECK(farm.rows_written() >= 30);
  farm.restart();
  CHECK(farm.fault() == "");
  farm.forget_used();
  farm.submit({.show = "boreal", .user = "bo", .tasks = 50'000, .task_s = 1});
  farm.pass(30);
  CHECK(farm.used_s("boreal") > 10 * farm.used_s("atlas"));
}

// Nobody starves: with any weights and lengths of tasks, every share with work is served again and again.
TEST_CASE("in random farms every share gets within its bounds, whatever the priorities and weights") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    Random random(seed, "shares");
    FarmSettings settings;
    const auto shows = static_cast<std::uint32_t>(random.between(2, 6));
    double weights = 0;
    std::map<std::string, double> weight_of;
    for (std::uint32_t s = 0; s < shows; ++s) {
      const std::string show = fmt::format("show{}", s);
      weight_of[show] = static_cast<double>(random.between(1, 5));
      settings.shares.rules[show].weight = weight_of[show];
      weights += weight_of[show];
    }
    const auto workers = static_cast<std::uint32_t>(random.between(1, 4));
    const auto slots = static_cast<std::uint32_t>(random.between(1, 4));
    ShareFarm farm(workers, slots, settings);
    for (std::uint32_t s = 0; s < shows; ++s)
      farm.submit({.show = fmt::format("show{}", s),
                   .user = fmt::format("user{}", random.between(1, 3)),
                   .tasks = 20'000,
                   .task_s = static_cast<double>(random.between(1, 8)),
                   .priority = static_cast<std::int32_t>(random.between(0, 100)),
                   .chunk = static_cast<std::uint32_t>(random.between(1, 3))});
    const double seconds = 2000;
    farm.pass(seconds);
    CHECK(farm.fault() == "");
    double all = 0;
    for (const auto& [show, weight] : weight_of) all += farm.used_s(show);
    CHECK(all > 0.6 * seconds * workers * slots);
    for (const auto& [show, weight] : weight_of) {
      INFO(show << " weight " << weight << " of " << weights << " used " << farm.used_s(show) << " of " << all);
      CHECK(std::abs(farm.used_s(show) / all - weight / weights) < 0.05);
    }
  }
}

}  // namespace
}  // namespace framemill::scheduler
