// How often forecasts hold, on farms whose durations are drawn in ways that the forecaster was not fitted to, with jobs
// that come later and that nobody knew of. A small one runs with every test; the figures of docs/measurements.md:
//
//   test_forecast "[calibration]"
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>

#include "forecast/drawn_durations.h"
#include "tests/forecast/truth.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;
using namespace forecast::testing;

enum class Noise { Gamma, Stragglers };

double base_seconds(const TaskRun& run) {
  if (run.phase.traits().windowed) return run.phase.traits().stepped ? 45 : 6;
  const std::string& program = run.job.spec->layers[run.phase.layer].program();
  return program == "grain" ? 12 : program == "grade" ? 25 : 60;
}

// Gamma: tasks of shape four (half as long or twice as long is common), jobs that differ by 25 %, two device classes.
// Stragglers: tasks nearly equal but one in twenty four times as long, jobs from 0.6 to 1.6, two workers half as fast.
double seconds_of(Noise noise, std::uint64_t seed, const TaskRun& run, Draws& draws) {
  double seconds = base_seconds(run) * (run.device.device_class == "b" ? 1.7 : 1);
  Draws of_job(seed, run.job.id.value, 1, 0), of_worker(seed, run.worker.value, 2, 0);
  if (noise == Noise::Gamma) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum -= std::log(draws.uniform());
    return seconds * sum / 4 * of_job.lognormal(0.25);
  }
  seconds *= 0.6 + of_job.uniform();
  if (run.worker.value <= 2) seconds *= 2;
  return seconds * draws.lognormal(0.1) * (draws.uniform() < 0.05 ? 4 : 1);
}

struct Figures {
  int jobs = 0, by_p50 = 0, by_p90 = 0, deadlines = 0;
  double brier = 0, width = 0;
  double share(int count) const { return jobs == 0 ? 0 : static_cast<double>(count) / jobs; }
  void add(const Figures& other) {
    jobs += other.jobs, by_p50 += other.by_p50, by_p90 += other.by_p90, deadlines += other.deadlines;
    brier += other.brier, width += other.width;
  }
};

std::shared_ptr<const jobs::JobSpec> any_job(const Truth& truth, std::uint64_t seed, std::uint32_t number,
                                             std::vector<jobs::PackageFacts>& packages) {
  Draws draws(seed, number, 3, 0);
  const int priorities[] = {30, 50, 50, 70};
  const int priority = priorities[static_cast<int>(draws.uniform() * 3.999)];
  const double kind = draws.uniform();
  const int frames = 4 + static_cast<int>(draws.uniform() * 40);
  const base::WallTime deadline{truth.farm.wall().unix_ms + static_cast<std::int64_t>(draws.uniform() * 3.6e6)};
  const std::string shot = fmt::format("x{}", number), show = number % 3 == 0 ? "atlas" : "harbor";
  if (kind < 0.3) {
    packages = {package("demo")};
    return spec(shot, windows("demo", 16 * (1 + frames / 4), "steps = 20\n"), priority, deadline, show);
  }
  return spec(shot, commands(kind < 0.6 ? "grain" : kind < 0.8 ? "grade" : "comp", frames), priority, deadline, show);
}

// One farm from its first job to its last; people look every three minutes, and one look of each job is judged.
Figures one_farm(Noise noise, std::uint64_t seed, std::uint32_t jobs, std::uint32_t workers, std::uint32_t futures) {
  Truth truth([noise, seed](const TaskRun& run, Draws& draws) { return seconds_of(noise, seed, run, draws); }, seed,
              20);
  for (std::uint32_t i = 0; i < workers; ++i) truth.join(fmt::format("w{}", i), i % 3 == 2 ? "b" : "a");
  struct Told {
    ReadyTimes ready;
    double on_time = 0;
    base::WallTime made;
    std::uint32_t seen = 0;
  };
  std::map<JobId, Told> told;
  std::map<JobId, base::WallTime> deadlines;
  TrackRecord track;
  std::set<JobId> judged;
  Figures figures;
  std::uint32_t made = 0;
  for (std::uint32_t minute = 0; truth.over.size() < jobs && minute < 2'000; ++minute) {
    const std::uint32_t due = std::min(jobs, jobs / 3 + minute / 2);
    for (; made < due; ++made) {
      std::vector<jobs::PackageFacts> packages;
      const auto job = any_job(truth, seed, made, packages);
      deadlines[truth.submit(job, packages)] = *job->deadline;
    }
    truth.run_for(base::seconds(60));
    for (const auto& [job, at] : truth.over) {
      if (!judged.insert(job).second) continue;
      track.ready(job, at);
      const auto kept = told.find(job);
      if (kept == told.end()) continue;
      ++figures.jobs;
      figures.by_p50 += at <= kept->second.ready.p50;
      figures.by_p90 += at <= kept->second.ready.p90;
      figures.width += std::log(static_cast<double>(kept->second.ready.p90.unix_ms - kept->second.made.unix_ms) /
                                static_cast<double>(kept->second.ready.p50.unix_ms - kept->second.made.unix_ms));
      const double missed = kept->second.on_time - (at <= deadlines.at(job) ? 1 : 0);
      figures.brier += missed * missed;
    }
    if (minute % 3 != 0) continue;
    const std::uint64_t look_seed = seed * 100'000 + minute * 100;
    const Forecasts now = truth.look(futures, &track, look_seed);
    note_told(now, look_seed, track);
    for (const auto& [job, forecast] : now.jobs) {
      if (!forecast.ready || forecast.ready->p50.unix_ms - now.made.unix_ms < 1000) continue;
      Told& kept = told[job];
      if (++kept.seen > 1 && Draws(look_seed, job.value, 4, 0).uniform() * kept.seen > 1) continue;
      kept.ready = *forecast.ready;
      kept.on_time = forecast.on_time.value_or(0);
      kept.made = now.made;
    }
  }
  return figures;
}

TEST_CASE("nine of ten jobs are ready by their p90, roughly, under noise of two kinds") {
  for (const Noise noise : {Noise::Gamma, Noise::Stragglers}) {
    const Figures figures = one_farm(noise, 11, 24, 4, 6);
    INFO(figures.jobs << " jobs, " << figures.by_p50 << " by p50, " << figures.by_p90 << " by p90");
    CHECK(figures.jobs >= 18);
    CHECK(figures.share(figures.by_p90) >= 0.6);
    CHECK(figures.share(figures.by_p50) >= 0.2);
    CHECK(figures.share(figures.by_p50) <= 0.85);
  }
}

TEST_CASE("figures of calibration", "[.][calibration]") {
  for (const Noise noise : {Noise::Gamma, Noise::Stragglers}) {
    Figures all;
    for (const std::uint64_t seed : {101, 102, 103, 104}) {
      const Figures one = one_farm(noise, seed, 60, 6, 12);
      std::cout << fmt::format("  seed {}: {} jobs, {:.3f} by p50, {:.3f} by p90\n", seed, one.jobs,
                               one.share(one.by_p50), one.share(one.by_p90))
                << std::flush;
      all.add(one);
    }
    std::cout << fmt::format(
        "{}: {} jobs, {:.1f} % ready by p50, {:.1f} % by p90; p90 is {:.2f} times p50; Brier score of deadlines {:.3f}\n",
        noise == Noise::Gamma ? "gamma" : "stragglers", all.jobs, 100 * all.share(all.by_p50),
        100 * all.share(all.by_p90), std::exp(all.width / all.jobs), all.brier / all.jobs);
    CHECK(all.share(all.by_p90) >= 0.85);
    CHECK(all.share(all.by_p90) <= 0.95);
  }
}

}  // namespace
}  // namespace framemill::forecast
