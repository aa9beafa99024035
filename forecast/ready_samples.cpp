#include <algorithm>
#include <cmath>
#include <limits>

#include "forecast/forecast.h"

namespace framemill::forecast {
namespace {

constexpr double kBandwidthLeast = 0.02;  // of logarithms: no two futures are closer than two per cent

double normal_below(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

}  // namespace

ReadySamples::ReadySamples(std::vector<double> sorted_or_not) : times_(std::move(sorted_or_not)) {
  std::sort(times_.begin(), times_.end());
}

double ReadySamples::quantile(double share) const {
  if (times_.empty()) return std::numeric_limits<double>::infinity();
  const double place = share * static_cast<double>(times_.size() + 1) - 1;
  const double at = std::clamp(place, 0.0, static_cast<double>(times_.size() - 1));
  const auto below = static_cast<std::size_t>(at);
  const double part = at - static_cast<double>(below);
  if (part <= 0 || below + 1 >= times_.size()) return times_[below];
  return times_[below] + part * (times_[below + 1] - times_[below]);
}

// A kernel around each future, on the logarithm of the time: sixteen futures say more than sixteen steps.
double ReadySamples::share_by(double moment_ms) const {
  if (times_.empty() || moment_ms <= 0) return 0;
  double sum = 0, squares = 0, finite = 0;
  for (const double time : times_) {
    if (!std::isfinite(time)) continue;
    const double value = std::log(std::max(time, 1.0));
    sum += value, squares += value * value, ++finite;
  }
  if (finite == 0) return 0;
  const double deviation = std::sqrt(std::max(0.0, squares / finite - sum / finite * (sum / finite)));
  const double bandwidth = std::max(kBandwidthLeast, 0.9 * deviation * std::pow(finite, -0.2));
  double share = 0;
  for (const double time : times_)
    if (std::isfinite(time)) share += normal_below((std::log(moment_ms) - std::log(std::max(time, 1.0))) / bandwidth);
  return share / static_cast<double>(times_.size());
}

ReadySamples ReadySamples::corrected_by(const TrackRecord& track) const {
  const double p50 = quantile(0.5), p90 = quantile(0.9);
  if (!std::isfinite(p50)) return *this;
  std::vector<double> times = times_;
  for (double& time : times)
    if (std::isfinite(time)) time = track.corrected(time, p50, std::isfinite(p90) ? p90 : time);
  return ReadySamples(std::move(times));
}

}  // namespace framemill::forecast
