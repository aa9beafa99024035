// Looks ahead at farms whose truth is known.
#include "forecast/forecast.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/forecast/truth.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;
using namespace forecast::testing;

Truth::Seconds always(double seconds) {
  return [seconds](const TaskRun&, Draws&) { return seconds; };
}

double seconds_until(base::WallTime moment, const Truth& truth) {
  return static_cast<double>(moment.unix_ms - truth.farm.wall().unix_ms) / 1000;
}

TEST_CASE("nothing is foretold of work of which no task was measured, then the time that it takes") {
  Truth truth(always(10), 1);
  truth.join("one");
  truth.join("two");
  const JobId job = truth.submit(spec("x", commands("grain", 40)));
  Forecasts told = truth.look();
  REQUIRE(told.find(job) != nullptr);
  CHECK(told.find(job)->state == JobForecast::State::Measuring);
  CHECK(told.find(job)->layer == "a");
  CHECK_FALSE(told.find(job)->ready);

  truth.run_for(base::seconds(52));
  told = truth.look();
  const JobForecast& later = *told.find(job);
  REQUIRE(later.state == JobForecast::State::Estimated);
  CHECK(seconds_until(later.ready->p50, truth) == Approx(148).epsilon(0.15));
  CHECK(later.ready->p50 <= later.ready->p90);
  REQUIRE(later.progress);
  CHECK(*later.progress == Approx(0.25).margin(0.06));
  REQUIRE(later.layers.size() == 1);
  CHECK(later.layers[0]->p50 <= later.ready->p50);
}

TEST_CASE("a job behind others waits for them in the forecast, whatever the number of slots") {
  Truth truth(always(10), 1);
  truth.join("one");
  const JobId first = truth.submit(spec("x", commands("grain", 30), 80));
  const JobId second = truth.submit(spec("y", commands("grain", 3), 20));
  truth.run_for(base::seconds(101));
  const Forecasts told = truth.look();
  REQUIRE(told.find(second)->state == JobForecast::State::Estimated);
  CHECK(seconds_until(told.find(first)->ready->p50, truth) == Approx(199).epsilon(0.15));
  CHECK(seconds_until(told.find(second)->ready->p50, truth) == Approx(229).epsilon(0.15));
}

TEST_CASE("what no worker could take has no time, and the layer is named") {
  Truth truth(always(10), 1);
  truth.join("one");
  const JobId fine = truth.submit(spec("x", commands("grain", 30)));
  const JobId blocked =
      truth.submit(spec("y",
                        commands("grain", 2) + "[[layer]]\nname = \"b\"\nkind = \"command\"\nargv = "
                                               "[\"nobody_has_it\"]\noutput = \"b.{frame}.png\"\nframes = \"1-2\"\n"
                                               "input = [{layer = \"a\"}]\n",
                        90));
  truth.run_for(base::seconds(45));
  // Something of that program was measured once, so that measuring is not the answer.
  FarmAsItIs farm = truth.as_it_is();
  CommitRecord commit;
  commit.phase = {blocked, 1};
  commit.worker = WorkerId(1);
  commit.device_class = "a";
  commit.duration_us = 5'000'000;
  Persist turn;
  turn.puts.emplace_back(commit);
  truth.replica().take(std::move(turn));
  const Forecasts told = look_ahead(farm, unlimited(4), 1, nullptr);
  CHECK(told.find(blocked)->state == JobForecast::State::Blocked);
  CHECK(told.find(blocked)->layer == "b");
  CHECK_FALSE(told.find(blocked)->ready);
  CHECK(told.find(fine)->state == JobForecast::State::Estimated);
}

TEST_CASE("a held job has no time, and those behind it are ready sooner") {
  Truth truth(always(10), 1);
  truth.join("one");
  const JobId rival = truth.submit(spec("x", commands("grain", 30), 80));
  const JobId behind = truth.submit(spec("y", commands("grain", 3), 20));
  truth.run_for(base::seconds(101));
  JobChangeRequested pause;
  pause.job = rival;
  pause.verb = JobAction::Pause;
  pause.cause = {"ana", truth.farm.wall(), ""};
  REQUIRE(truth.farm.change(pause).ok());
  truth.run_for(base::seconds(1));
  const Forecasts told = truth.look();
  CHECK_FALSE(told.find(rival)->ready);
  REQUIRE(told.find(behind)->ready);
  CHECK(seconds_until(told.find(behind)->ready->p50, truth) < 60);
}

TEST_CASE("the odds of a deadline go from one to zero as it comes nearer than the work") {
  const auto odds = [](std::int64_t deadline_s) {
    Truth truth([](const TaskRun&, Draws& draws) { return 10 * draws.lognormal(0.3); }, 3);
    truth.join("one");
    const base::WallTime deadline{truth.farm.wall().unix_ms + deadline_s * 1000};
    const JobId job = truth.submit(spec("x", commands("grain", 40), 50, deadline));
    truth.run_for(base::seconds(100));
    const Forecasts told = truth.look(16);
    REQUIRE(told.find(job)->on_time);
    return *told.find(job)->on_time;
  };
  CHECK(odds(800) > 0.95);
  CHECK(odds(400) > 0.1);
  CHECK(odds(400) < 0.9);
  CHECK(odds(200) < 0.02);
}

TEST_CASE("a budget that ends makes the look coarse: near work has times, what is far is later than the horizon") {
  Truth truth(always(10), 1);
  truth.join("one");
  std::vector<JobId> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(truth.submit(spec("x" + std::to_string(i), commands("grain", 100))));
  truth.run_for(base::seconds(101));
  Budget budget;
  budget.futures_least = budget.futures_most = 4;
  double asked = 0;
  budget.cpu_ms = 400;
  budget.cpu_now_ms = [&] { return asked += 10; };  // a hundred milliseconds are ten questions: 640 events
  const Forecasts told = look_ahead(truth.as_it_is(), budget, 1, nullptr);
  CHECK(told.coarse);
  CHECK(told.horizon < base::seconds(20 * 1000));
  CHECK(told.find(jobs.front())->state == JobForecast::State::Estimated);
  const JobForecast& far = *told.find(jobs.back());
  CHECK(far.state == JobForecast::State::Beyond);
  CHECK_FALSE(far.ready);
  CHECK(far.later_than.unix_ms == told.made.unix_ms + told.horizon.ms);
}

TEST_CASE("steps that a running window has done count in the forecast and in the progress") {
  Truth truth(always(100), 1);
  truth.join("one");
  const JobId job = truth.submit(spec("x", windows("demo", 64)), {package("demo")});
  truth.run_for(base::seconds(510));  // windows were denoised and decoded, and one is at work
  const auto look_at_step = [&](std::uint32_t step) {
    FarmAsItIs farm = truth.as_it_is();
    for (WorkerRow& row : farm.workers) {
      WorkerView view = *row;
      for (SlotActivity& slot : view.slots)
        for (SlotActivity::Lease& lease : slot.leases) lease.step = step, lease.steps = 20;
      row = std::make_shared<WorkerView>(std::move(view));
    }
    return *look_ahead(farm, unlimited(8), 1, nullptr).find(job);
  };
  const JobForecast early = look_at_step(1), late = look_at_step(19);
  REQUIRE(early.ready);
  REQUIRE(late.ready);
  CHECK(late.ready->p50 < early.ready->p50);
  CHECK(*late.progress > *early.progress);
}

TEST_CASE("levers: priority helps a job that waits, and says whom it makes wait") {
  Truth truth(always(10), 1);
  truth.join("one");
  const JobId rival = truth.submit(spec("x", commands("grain", 60), 60, {}, "atlas"));
  const base::WallTime deadline{truth.farm.wall().unix_ms + 500'000};
  const JobId job =
      truth.submit(spec("y", commands("grain", 20), 50, deadline, "atlas"));  // of one share: priority rules
  truth.run_for(base::seconds(101));
  const LeverView view = find_levers(truth.as_it_is(), job, unlimited(8), 1, nullptr);
  REQUIRE(view.forecast.on_time);
  CHECK(*view.forecast.on_time < 0.05);
  CHECK_FALSE(view.cut);
  const auto lever = [&](Lever::Kind kind) {
    const auto found =
        std::find_if(view.levers.begin(), view.levers.end(), [&](const Lever& l) { return l.kind == kind; });
    return found == view.levers.end() ? nullptr : &*found;
  };
  const Lever* priority = lever(Lever::Kind::Priority);
  REQUIRE(priority != nullptr);
  CHECK(priority->value == 80);
  CHECK(*priority->on_time > 0.8);
  REQUIRE(priority->costs.size() == 1);
  CHECK(priority->costs[0].job == rival);
  CHECK(priority->costs[0].show == "atlas");
  CHECK(priority->costs[0].later.ms == Approx(200'000).epsilon(0.25));
  const Lever* pause = lever(Lever::Kind::Rival);
  REQUIRE(pause != nullptr);
  CHECK(pause->value == rival.value);
  CHECK(*pause->on_time > 0.8);
  const Lever* slots = lever(Lever::Kind::Slots);
  REQUIRE(slots != nullptr);
  CHECK(slots->value == 4);
}

TEST_CASE("levers of generated work: fewer variants help, and what would not help is not suggested") {
  Truth truth(always(10), 1);
  truth.join("one");
  const base::WallTime deadline{truth.farm.wall().unix_ms + 261'000};
  const JobId job =
      truth.submit(spec("y", windows("demo", 64, "variants = 4\nsteps = 20\n"), 50, deadline), {package("demo")});
  truth.run_for(base::seconds(171));  // of 320
  const LeverView view = find_levers(truth.as_it_is(), job, unlimited(8), 1, nullptr);
  REQUIRE(view.forecast.on_time);
  CHECK(*view.forecast.on_time < 0.1);
  bool fewer_variants = false;
  for (const Lever& lever : view.levers) {
    CHECK(lever.kind != Lever::Kind::Priority);  // it is alone
    if (lever.kind != Lever::Kind::Variants) continue;
    fewer_variants = true;
    CHECK(lever.value == 2);
    CHECK(lever.subject == "a");
    CHECK(*lever.on_time > *view.forecast.on_time + 0.2);
  }
  CHECK(fewer_variants);
}

TEST_CASE("equal farms and seeds give equal forecasts") {
  Truth truth([](const TaskRun&, Draws& draws) { return 10 * draws.lognormal(0.3); }, 3);
  truth.join("one");
  truth.join("two", "b");
  const JobId job = truth.submit(spec("x", commands("grain", 40)));
  truth.run_for(base::seconds(100));
  const Forecasts one = truth.look(), other = truth.look();
  CHECK(one.find(job)->ready->p50 == other.find(job)->ready->p50);
  CHECK(one.find(job)->ready->p90 == other.find(job)->ready->p90);
}

}  // namespace
}  // namespace framemill::forecast
