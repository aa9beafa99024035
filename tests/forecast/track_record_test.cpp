#include "forecast/track_record.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "forecast/draws.h"
#include "forecast/forecast.h"

namespace framemill::forecast {
namespace {

// Jobs are ready `actual` times their foretold middle; the foretold p90 is 1.1 times it.
TrackRecord taught(int jobs, const std::function<double(int)>& actual) {
  TrackRecord track;
  for (int i = 1; i <= jobs; ++i) {
    const jobs::JobId job(static_cast<std::uint32_t>(i));
    track.told(job, {0}, 100'000, 110'000, 0);
    track.ready(job, {static_cast<std::int64_t>(100'000 * actual(i))});
  }
  return track;
}

TEST_CASE("without comparisons nothing is corrected") {
  const TrackRecord track;
  CHECK(track.corrected(50'000, 100'000, 110'000) == Approx(50'000));
  CHECK(track.corrected(150'000, 100'000, 110'000) == Approx(150'000));
}

TEST_CASE("a farm that is always late by a half shifts its forecasts") {
  const TrackRecord track = taught(64, [](int) { return 1.5; });
  CHECK(track.corrected(100'000, 100'000, 110'000) == Approx(145'000).epsilon(0.05));
}

TEST_CASE("forecasts that were too sure become wider, so that nine of ten keep their p90") {
  const auto noise = [](int i) { return std::exp(0.3 * Draws(5, static_cast<std::uint32_t>(i), 0, 0).normal()); };
  const TrackRecord track = taught(64, noise);
  const double p90 = track.corrected(110'000, 100'000, 110'000);
  CHECK(p90 > 125'000);
  int held = 0;
  for (int i = 1000; i < 2000; ++i) held += 100'000 * noise(i) <= p90;
  CHECK(held > 820);
  CHECK(held < 970);
}

TEST_CASE("what failed or is nearly ready teaches nothing, and one comparison says little") {
  TrackRecord track;
  track.told(jobs::JobId(1), {0}, 100, 110, 0);
  track.ready(jobs::JobId(1), {100'000});
  CHECK(track.scores() == 0);
  track.told(jobs::JobId(2), {0}, 100'000, 110'000, 0);
  track.forget(jobs::JobId(2));
  track.ready(jobs::JobId(2), {900'000});
  CHECK(track.scores() == 0);
  track.told(jobs::JobId(3), {0}, 100'000, 110'000, 0);
  track.ready(jobs::JobId(3), {200'000});
  CHECK(track.scores() == 1);
  CHECK(track.corrected(100'000, 100'000, 110'000) < 115'000);
}

TEST_CASE("of a job's forecasts one is compared, each with equal chance") {
  int first = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    TrackRecord track;
    for (int look = 0; look < 4; ++look)
      track.told(jobs::JobId(1), {look == 0 ? 0 : 50'000}, 100'000, 110'000,
                 Draws(9, i, static_cast<std::uint32_t>(look), 0).uniform());
    track.ready(jobs::JobId(1), {100'000});
    first += std::abs(track.corrected(100'000, 100'000, 110'000) - 100'000) < 1;
  }
  CHECK(first > 200);
  CHECK(first < 300);
}

TEST_CASE("quantiles of futures and the odds of a moment") {
  std::vector<double> times;
  for (int i = 1; i <= 16; ++i) times.push_back(1000.0 * i);
  const ReadySamples samples(times);
  CHECK(samples.quantile(0.5) == Approx(8'500));
  CHECK(samples.quantile(0.9) == Approx(15'300));
  CHECK(samples.share_by(8'500) == Approx(0.5).margin(0.1));
  CHECK(samples.share_by(1'000'000) == Approx(1));
  CHECK(samples.share_by(1) == Approx(0).margin(0.001));
  CHECK(samples.share_by(-5) == 0);
  const ReadySamples never({1000, std::numeric_limits<double>::infinity()});
  CHECK(std::isinf(never.quantile(0.9)));
  CHECK(never.share_by(1e12) == Approx(0.5));
  CHECK(ReadySamples({}).share_by(1) == 0);
}

}  // namespace
}  // namespace framemill::forecast
