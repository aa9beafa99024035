// The core under virtual time: what it takes, that it goes on from records, and that a run repeats itself.
#include "forecast/virtual_farm.h"

#include <catch2/catch.hpp>
#include <map>
#include <utility>

#include "sim/samples.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;

jobs::PackageFacts package() {
  jobs::PackageFacts facts = sim::sample_package();
  facts.cpu_memory = facts.cuda_memory = {100, 50, 0};
  return facts;
}

std::shared_ptr<const jobs::JobSpec> spec(const std::string& shot, const std::string& layer, int priority = 50) {
  return sim::sample_spec(shot, "[[layer]]\nname = \"a\"\n" + layer, "priority = " + std::to_string(priority));
}

std::string commands(int frames) {
  return "kind = \"command\"\nargv = [\"true\"]\noutput = \"{frame}.png\"\nframes = \"1-" + std::to_string(frames) +
         "\"\nchunk = 1\n";
}

std::string windows(int frames) {
  return "kind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nframes = \"1-" + std::to_string(frames) + "\"\n";
}

Inventory inventory(const std::string& device_class = "a") {
  Inventory all;
  all.name = "w";
  all.version = "1";
  all.devices = {{"gpu0", "gpu", device_class, DeviceKind::Cuda, 1'000, 1'000, 8}};
  all.slots = {{0, "s0", 0, {}, true}};
  all.packages = {{"demo@1", base::sha256("demo@1")}};
  all.roots = {{"main", true, 1, true}};
  all.commands = {"true"};
  return all;
}

Durations seconds_each(double task, double load = 0) {
  return {[task](const TaskRun&, Draws&) { return task; }, [load](const TaskRun&, Draws&) { return load; }};
}

double seconds_since_start(const VirtualFarm& farm) {
  return static_cast<double>((farm.now() - VirtualFarm::start()).ms) / 1000;
}

struct Ends : FarmWatcher {
  std::map<std::uint32_t, std::int64_t> over_ms;
  std::uint64_t tasks = 0;
  std::vector<WorkerId> by;
  void on_finished(WorkerId worker, PhaseId, TaskRange finished, base::Instant) override {
    tasks += finished.count;
    by.push_back(worker);
  }
  void on_job_over(JobId job, jobs::JobState state, base::Instant at) override {
    CHECK(state == jobs::JobState::Done);
    over_ms[job.value] = (at - VirtualFarm::start()).ms;
  }
};

TEST_CASE("two virtual workers share equal tasks, and the run ends when they are done") {
  VirtualFarm farm({}, seconds_each(10), 1);
  Ends ends;
  farm.watch(&ends);
  farm.begin({0});
  farm.join("one", inventory());
  farm.join("two", inventory());
  REQUIRE(farm.submit(spec("x", commands(10)), {}, {}).ok());
  CHECK(farm.run_until_idle() == VirtualFarm::Stop::Idle);
  CHECK(ends.tasks == 10);
  CHECK(ends.over_ms == std::map<std::uint32_t, std::int64_t>{{1, 50'000}});
  CHECK(seconds_since_start(farm) == 50);
  CHECK(farm.farm().sanity_check().empty());
}

TEST_CASE("a model is loaded once in a slot, and again where another took its place") {
  VirtualFarm farm({}, seconds_each(1, 60), 1);
  farm.begin({0});
  farm.join("one", inventory());
  REQUIRE(farm.submit(spec("x", windows(64)), {package()}, {}).ok());
  farm.run_until_idle();
  CHECK(seconds_since_start(farm) == Approx(60 + 8));  // 4 windows denoised and decoded
  REQUIRE(farm.submit(spec("y", windows(64)), {package()}, {}).ok());
  farm.run_until_idle();
  CHECK(seconds_since_start(farm) == Approx(60 + 16));
}

TEST_CASE("work without a model pays for its start with every lease") {
  VirtualFarm farm({}, seconds_each(1, 5), 1);
  farm.begin({0});
  farm.join("one", inventory());
  REQUIRE(farm.submit(spec("x", commands(10)), {}, {}).ok());
  farm.run_until_idle();
  CHECK(seconds_since_start(farm) == Approx(60));
}

TEST_CASE("a run stops at a moment, when it may not go on, and goes on after either") {
  VirtualFarm farm({}, seconds_each(10), 1);
  Ends ends;
  farm.watch(&ends);
  farm.begin({1'000});
  farm.join("one", inventory());
  REQUIRE(farm.submit(spec("x", commands(200)), {}, {}).ok());
  CHECK(farm.run_until(VirtualFarm::start() + base::seconds(25)) == VirtualFarm::Stop::Reached);
  CHECK(ends.tasks == 2);
  CHECK(farm.wall().unix_ms == 26'000);
  CHECK(farm.run_until_idle([] { return false; }) == VirtualFarm::Stop::Cut);
  CHECK(ends.tasks < 200);
  CHECK(farm.run_until_idle() == VirtualFarm::Stop::Idle);
  CHECK(ends.tasks == 200);
  CHECK(seconds_since_start(farm) == 2'000);
}

TEST_CASE("work of higher priority takes the next place of a slot") {
  VirtualFarm farm({}, seconds_each(10), 1);
  Ends ends;
  farm.watch(&ends);
  farm.begin({0});
  farm.join("one", inventory());
  REQUIRE(farm.submit(spec("x", commands(10)), {}, {}).ok());
  farm.run_until(VirtualFarm::start() + base::seconds(11));
  REQUIRE(farm.submit(spec("y", commands(1), 90), {}, {}).ok());
  farm.run_until_idle();
  CHECK(ends.over_ms == std::map<std::uint32_t, std::int64_t>{{1, 110'000}, {2, 30'000}});
}

TEST_CASE("a worker that leaves gives its work to the others") {
  VirtualFarm farm({}, seconds_each(10), 1);
  Ends ends;
  farm.watch(&ends);
  farm.begin({0});
  const WorkerId first = farm.join("one", inventory());
  farm.join("two", inventory());
  REQUIRE(farm.submit(spec("x", commands(4)), {}, {}).ok());
  farm.run_until(VirtualFarm::start() + base::seconds(5));
  farm.leave(first);
  farm.run_until_idle();
  CHECK(ends.over_ms.at(1) == 40'000);
  CHECK(std::count(ends.by.begin(), ends.by.end(), first) == 0);
}

TEST_CASE("a run goes on from the records of another, leases and all") {
  VirtualFarm before({}, seconds_each(10), 1);
  before.begin({0});
  before.join("one", inventory());
  before.join("two", inventory());
  before.join("three", inventory());
  REQUIRE(before.submit(spec("x", commands(9)), {}, {}).ok());
  REQUIRE(before.submit(spec("y", windows(64)), {package()}, {}).ok());
  before.run_until(VirtualFarm::start() + base::seconds(4));

  VirtualFarm after({}, seconds_each(10), 1);
  Ends ends;
  after.watch(&ends);
  for (const Record& record : before.farm().records()) after.put(record);
  after.begin(before.wall());
  const WorkerId one = after.join("one", inventory());
  CHECK(one == WorkerId(1));
  after.join("two", inventory());
  SECTION("with all of its workers") {
    after.join("three", inventory());
    after.run_until_idle();
    CHECK(ends.over_ms.at(1) == 26'000);
  }
  SECTION("with two of them: the third's work goes to these") {
    after.run_until_idle();
    CHECK(ends.over_ms.size() == 2);
  }
  CHECK(after.farm().sanity_check().empty());
}

TEST_CASE("how far a running task is counts where somebody says so, and else by the time since its grant") {
  VirtualFarm before({}, seconds_each(10), 1);
  before.begin({0});
  before.join("one", inventory());
  REQUIRE(before.submit(spec("x", commands(1)), {}, {}).ok());
  before.run_until(VirtualFarm::start() + base::seconds(4));
  const auto ready_in = [&](std::optional<double> share, base::WallTime now) {
    VirtualFarm after({}, seconds_each(10), 1);
    Ends ends;
    after.watch(&ends);
    AttemptId attempt;
    for (const Record& record : before.farm().records()) {
      after.put(record);
      if (const auto* running = std::get_if<AttemptRecord>(&record)) attempt = running->id;
    }
    if (share) after.recall_progress(attempt, 0, *share);
    after.begin(now);
    after.join("one", inventory());
    after.run_until_idle();
    return ends.over_ms.at(1);
  };
  CHECK(ready_in(std::nullopt, before.wall()) == 6'000);
  CHECK(ready_in(std::nullopt, {25'000}) == 1'000);  // longer than it should: at least a tenth is left
  CHECK(ready_in(0.9, before.wall()) == 1'000);
  CHECK(ready_in(0.1, before.wall()) == 9'000);
}

TEST_CASE("what a task takes does not depend on what else runs, and equal seeds give equal runs") {
  const auto noisy = [](std::uint64_t seed) {
    VirtualFarm farm({}, {[](const TaskRun&, Draws& draws) { return 10 * draws.lognormal(0.3); }, nullptr}, seed);
    farm.begin({0});
    for (int i = 0; i < 8; ++i) farm.join("w" + std::to_string(i), inventory(i % 2 == 0 ? "a" : "b"));
    REQUIRE(farm.submit(spec("x", commands(200)), {}, {}).ok());
    farm.run_until_idle();
    return seconds_since_start(farm);
  };
  CHECK(noisy(1) == noisy(1));
  CHECK(noisy(1) != noisy(2));
  double sum = 0;
  for (std::uint32_t i = 0; i < 4'000; ++i) sum += Draws(7, i, 0, 0).lognormal(0.3);
  CHECK(sum / 4'000 == Approx(1).margin(0.02));
}

}  // namespace
}  // namespace framemill::forecast
