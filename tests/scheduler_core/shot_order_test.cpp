// Forty shots at once, as an artist submits them: they come out one after the other, not all at the end.
#include <catch2/catch.hpp>

#include "sim/samples.h"
#include "stage.h"

namespace framemill::scheduler {
namespace {

using stage::Player;
using stage::Stage;

constexpr int kShots = 40;

jobs::PackageFacts demo_package() {
  jobs::PackageFacts facts = sim::sample_package();
  facts.batch_max = 16;
  facts.batch_max_cpu = 2;
  return facts;
}

// A chain of four windows, and its movie.
std::string layers_of(int shot) {
  const std::string name = "s" + std::to_string(shot);
  return "[[layer]]\nname = \"" + name + "\"\nkind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nshot = \"" +
         name + "\"\nplan = \"chain\"\nframes = \"1-52\"\n[[layer]]\nname = \"m" + std::to_string(shot) +
         "\"\nkind = \"encode\"\nshot = \"" + name + "\"\ninput = [{layer = \"" + name + "\"}]\n";
}

void submit(Stage& stage, const std::string& name, const std::string& layers) {
  JobSubmitted event;
  event.spec = sim::sample_spec(name, layers);
  event.packages = {demo_package()};
  REQUIRE(stage.ask(std::move(event)).ok());
}

void join(Stage& stage, const std::string& name) {
  Player& player = stage.players()[name];
  player.key = "key of " + name;
  player.one_by_one = true;
  player.inventory.name = name;
  player.inventory.devices = {{"cpu0", "cpu", "class a", DeviceKind::Cpu, 4ull << 30, 4ull << 30, 4}};
  player.inventory.slots = {{0, "s0", 0, {}, true}};
  player.inventory.packages = {{"demo@1", base::sha256("demo@1")}};
  player.inventory.roots = {{"main", true, 1ull << 40, true}};
  player.inventory.media = true;
  stage.report(name);
}

struct Course {
  int first_movie = 0, all = 0;  // in tasks of one slot after the other
};

bool makes_movie(Stage& stage, PhaseId phase) {
  return stage.farm().job(phase.job)->plan->phases[phase.index].kind == jobs::PhaseKind::Encode;
}

// Every slot makes one task at a time, what it was granted first comes first.
Course run(Stage& stage) {
  Course course;
  for (bool busy = true; busy && course.all < 10'000;) {
    busy = false;
    for (auto& [name, player] : stage.players()) {
      if (!player.left.empty()) {
        const auto [attempt, tasks] = *player.left.begin();
        ++course.all;
        if (course.first_movie == 0 && makes_movie(stage, player.running.at(attempt).phase))
          course.first_movie = course.all;
        stage.finish(player, attempt, *tasks.begin());
        busy = true;
      }
      stage.publish_all(player);
      stage.report(name);
      busy = busy || !player.left.empty() || !player.duties.empty();
    }
    REQUIRE(stage.fault().empty());
  }
  return course;
}

TEST_CASE("the first movie of a job of forty shots is made after a tenth of the work at most") {
  Stage stage;
  stage.compare_rebuilt = false;
  join(stage, "w1");
  join(stage, "w2");
  std::string layers;
  for (int shot = 1; shot <= kShots; ++shot) layers += layers_of(shot);
  submit(stage, "all", layers);
  const Course course = run(stage);
  INFO(course.first_movie << " of " << course.all);
  CHECK(course.all >= kShots * 9);
  CHECK(course.first_movie > 0);
  CHECK(course.first_movie * 10 <= course.all);
}

TEST_CASE("the first movie of forty jobs of one shot is made after a tenth of the work at most") {
  Stage stage;
  stage.compare_rebuilt = false;
  join(stage, "w1");
  join(stage, "w2");
  for (int shot = 1; shot <= kShots; ++shot) submit(stage, "j" + std::to_string(shot), layers_of(shot));
  const Course course = run(stage);
  INFO(course.first_movie << " of " << course.all);
  CHECK(course.all >= kShots * 9);
  CHECK(course.first_movie > 0);
  CHECK(course.first_movie * 10 <= course.all);
}

}  // namespace
}  // namespace framemill::scheduler
