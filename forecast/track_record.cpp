#include "forecast/track_record.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace framemill::forecast {
namespace {

constexpr double kWidthLeast = 0.02;  // two per cent: no forecast is surer
constexpr double kScoresPrior = 12;   // comparisons that outweigh the belief that the futures are right
constexpr double kShiftMost = 0.7, kSpreadLeast = 0.6, kSpreadMost = 4;
constexpr double kTooShort_ms = 500;  // what is nearly ready says nothing

// The value that a share of `sorted` does not exceed, with the finite-sample correction of conformal prediction.
double quantile_of(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() + 1) - 1;
  const double at = std::clamp(place, 0.0, static_cast<double>(values.size() - 1));
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

void TrackRecord::told(jobs::JobId job, base::WallTime now, double p50_ms, double p90_ms, double luck) {
  if (p50_ms < kTooShort_ms) return;
  if (told_.size() >= kJobsMax && !told_.contains(job)) return;
  Told& kept = told_[job];
  ++kept.seen;
  if (luck * kept.seen > 1) return;
  kept.now = now;
  kept.p50_ms = p50_ms;
  kept.p90_ms = std::max(p90_ms, p50_ms);
}

void TrackRecord::ready(jobs::JobId job, base::WallTime at) {
  const auto told = told_.find(job);
  if (told == told_.end()) return;
  const Told& kept = told->second;
  const double actual_ms = static_cast<double>(std::max<std::int64_t>(at.unix_ms - kept.now.unix_ms, 1));
  scores_.push_back({std::log(actual_ms / kept.p50_ms), std::max(std::log(kept.p90_ms / kept.p50_ms), kWidthLeast)});
  if (scores_.size() > kScoresMax) scores_.pop_front();
  told_.erase(told);
  learn();
}

void TrackRecord::forget(jobs::JobId job) {
  told_.erase(job);
}

void TrackRecord::learn() {
  std::vector<double> late, apart;
  for (const Score& score : scores_) late.push_back(score.late);
  const double count = static_cast<double>(scores_.size()), trust = count / (count + kScoresPrior);
  shift_ = trust * std::clamp(quantile_of(late, 0.5), -kShiftMost, kShiftMost);
  for (const Score& score : scores_) apart.push_back((score.late - shift_) / score.width);
  const double spread = std::clamp(quantile_of(apart, 0.9), kSpreadLeast, kSpreadMost);
  spread_ = std::exp(trust * std::log(spread));
}

double TrackRecord::corrected(double raw_ms, double p50_ms, double p90_ms) const {
  if (p50_ms <= 0 || raw_ms <= 0) return raw_ms;
  const double middle = std::log(p50_ms);
  double spread = spread_;
  // A spread that learned from wide forecasts must still widen those that are too sure.
  const double width = std::log(std::max(p90_ms, p50_ms) / p50_ms);
  if (width < kWidthLeast && raw_ms >= p50_ms) spread *= kWidthLeast / std::max(width, kWidthLeast / 8);
  return std::exp(middle + shift_ + spread * (std::log(raw_ms) - middle));
}

}  // namespace framemill::forecast
