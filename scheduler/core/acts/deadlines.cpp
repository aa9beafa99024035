#include "scheduler/core/acts/deadlines.h"

#include <algorithm>

#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/policy/deadline_risk.h"

namespace framemill::scheduler {
namespace {

// The wall clock may be set and measured times change: a job is looked at this often at least.
constexpr base::Duration kRankEvery = base::seconds(30);
constexpr base::Duration kRankAgain = base::seconds(1);  // at the soonest
constexpr int kLooksPerTurn = 64;

void look_at(FarmState& farm, JobEntry& job, base::Instant when) {
  farm.deadline_looks.erase({job.deadline_look, job.record.id});
  job.deadline_look = when;
  if (when != base::kNever) farm.deadline_looks.emplace(when, job.record.id);
}

void rank_job(FarmState& farm, JobEntry& job) {
  const bool counts = job.record.deadline.unix_ms != 0 && !job.final();
  const DeadlineRisk risk = counts ? deadline_risk(farm, job) : DeadlineRisk{};
  const std::int64_t latest_start_ms = risk.at_risk ? risk.latest_start_ms : kNoRisk;
  if (latest_start_ms != job.latest_start_ms) {
    const bool may_be_seen = (latest_start_ms == kNoRisk) != (job.latest_start_ms == kNoRisk);
    dequeue(farm, job);
    job.latest_start_ms = latest_start_ms;
    enqueue(farm, job);
    if (may_be_seen) show_at_once(farm, job);
  }
  if (!counts) return look_at(farm, job, base::kNever);
  const base::Duration until_risk{risk.risk_begins_ms - farm.turn.now.wall.unix_ms};
  const bool begins_soon = !risk.at_risk && until_risk < kRankEvery;
  look_at(farm, job, farm.now() + (begins_soon ? std::max(until_risk, kRankAgain) : kRankEvery));
}

}  // namespace

void watch_deadline(FarmState& farm, JobEntry& job) {
  if (job.record.deadline.unix_ms != 0 || job.deadline_look != base::kNever) look_at(farm, job, farm.now());
}

void rank_by_deadlines(FarmState& farm) {
  for (int looks = 0; looks < kLooksPerTurn; ++looks) {
    const auto next = farm.deadline_looks.begin();
    if (next == farm.deadline_looks.end() || next->first > farm.now()) return;
    rank_job(farm, farm.jobs.get(next->second));
  }
}

void forget_deadline(FarmState& farm, JobEntry& job) {
  look_at(farm, job, base::kNever);
}

}  // namespace framemill::scheduler
