#include "scheduler/core/acts/waits.h"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/holding.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/policy/awaited.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

bool is_met(const AwaitedJob& awaited, const JobEntry& job) {
  return awaited.any_end ? job.final() : job.record.state == jobs::JobState::Done;
}

bool matches(const JobEntry& job, const jobs::JobReference& reference, const std::string& show) {
  const jobs::JobSpec& spec = *job.record.spec;
  if (reference.job != 0) return job.record.id.value == reference.job;
  if (spec.name != reference.name || spec.show != show || job.record.remake_of) return false;
  if (reference.version && *reference.version != job.record.version) return false;
  if (reference.shot.empty()) return true;
  const std::vector<std::string> shots = jobs::shots_of(spec);
  return std::find(shots.begin(), shots.end(), reference.shot) != shots.end();
}

const JobEntry* newest_match(const FarmState& farm, const jobs::JobReference& reference, const std::string& show) {
  if (reference.job != 0) return farm.jobs.find(JobId(reference.job));
  const auto& all = farm.jobs.all();
  const auto found =
      std::find_if(all.rbegin(), all.rend(), [&](const auto& entry) { return matches(entry.second, reference, show); });
  return found == all.rend() ? nullptr : &found->second;
}

base::Error unknown_job(const FarmState& farm, const jobs::JobReference& reference, std::size_t index) {
  const bool was_there = reference.job != 0 && reference.job <= farm.counters.last_job;
  std::string name =
      reference.job != 0 ? fmt::format("job {}", reference.job) : fmt::format("a job named \"{}\"", reference.name);
  if (reference.version) name += fmt::format(" of version {}", *reference.version);
  if (!reference.shot.empty()) name += " of shot " + reference.shot;
  return base::error_of(
      Refusal::SpecUnknownJob, was_there ? name + " was over long ago" : name + " is not on this farm",
      fmt::format("after_job[{}]", index),
      was_there ? "leave it out" : "`framemill jobs` lists them; a job waits for jobs submitted before");
}

void forget_waiter(FarmState& farm, JobId awaited, JobId waiter) {
  const auto waiters = farm.waiters.find(awaited);
  if (waiters == farm.waiters.end()) return;
  waiters->second.erase(waiter);
  if (waiters->second.empty()) farm.waiters.erase(waiters);
}

}  // namespace

base::Result<std::vector<AwaitedJob>> awaited_jobs(const FarmState& farm, const jobs::JobSpec& spec) {
  std::vector<AwaitedJob> awaits;
  for (std::size_t i = 0; i < spec.after_jobs.size(); ++i) {
    const jobs::JobReference& reference = spec.after_jobs[i];
    const JobEntry* job = newest_match(farm, reference, spec.show);
    if (job == nullptr) return unknown_job(farm, reference, i);
    const AwaitedJob awaited{job->record.id, reference.any_end};
    if (!is_met(awaited, *job) && std::find(awaits.begin(), awaits.end(), awaited) == awaits.end())
      awaits.push_back(awaited);
  }
  return awaits;
}

void begin_waits(FarmState& farm, JobEntry& job, std::vector<std::string>& warnings) {
  const jobs::JobSpec& spec = *job.record.spec;
  const Cause& by = job.record.submitted;
  base::WallTime start = spec.start_after.value_or(base::WallTime{});
  if (spec.start_delay) start = {by.time.unix_ms + spec.start_delay->ms};
  if (start > farm.turn.now.wall) {
    const base::Status held = place_hold(farm, job, {jobs::HoldKind::StartAfter, by, start});
    FM_CHECK(held.ok(), "a new job cannot be held until its start");
  }
  if (start.unix_ms != 0 && job.record.deadline.unix_ms != 0 && start >= job.record.deadline)
    warnings.push_back("start_after is not before the deadline: the job can only be late");
  if (job.record.awaits.empty()) return;
  const base::Status held = place_hold(farm, job, {jobs::HoldKind::AfterJob, by, {}});
  FM_CHECK(held.ok(), "a new job cannot be held until others are over");
  for (const AwaitedJob& awaited : job.record.awaits) {
    farm.waiters[awaited.job].insert(job.record.id);
    if (farm.jobs.get(awaited.job).final()) warnings.push_back(awaited_text(farm, job, awaited).because);
  }
}

void waive_waits(FarmState& farm, JobEntry& job) {
  for (const AwaitedJob& awaited : job.record.awaits) forget_waiter(farm, awaited.job, job.record.id);
  job.record.awaits.clear();
  lift_holds(farm, job, jobs::HoldKind::StartAfter);
  lift_holds(farm, job, jobs::HoldKind::AfterJob);
}

void release_waiters(FarmState& farm, const JobEntry& over) {
  const auto entry = farm.waiters.find(over.record.id);
  if (entry == farm.waiters.end()) return;
  const std::set<JobId> waiters = entry->second;
  for (const JobId id : waiters) {
    JobEntry& waiter = farm.jobs.get(id);
    auto& awaits = waiter.record.awaits;
    const auto met = std::erase_if(
        awaits, [&](const AwaitedJob& awaited) { return awaited.job == over.record.id && is_met(awaited, over); });
    if (met == 0) continue;
    farm.turn.touch(waiter);
    farm.turn.mark(waiter);
    if (std::none_of(awaits.begin(), awaits.end(), [&](const auto& a) { return a.job == over.record.id; }))
      forget_waiter(farm, over.record.id, id);
    if (!awaits.empty()) continue;
    const Cause cause{"scheduler", farm.turn.now.wall,
                      fmt::format("job {} is {}", over.record.id.value, jobs::name(over.record.state))};
    audit(farm, cause, "hold_over", fmt::format("job {}", id.value));
    lift_holds(farm, waiter, jobs::HoldKind::AfterJob);
  }
}

void touch_waiters(FarmState& farm, const JobEntry& job) {
  const auto waiters = farm.waiters.find(job.record.id);
  if (waiters == farm.waiters.end()) return;
  for (const JobId id : waiters->second) show_later(farm, farm.jobs.get(id));
}

void recall_waits(FarmState& farm) {
  for (const auto& [id, job] : farm.jobs.all())
    for (const AwaitedJob& awaited : job.record.awaits) farm.waiters[awaited.job].insert(id);
}

void forget_waits(FarmState& farm, const JobEntry& job) {
  for (const AwaitedJob& awaited : job.record.awaits) forget_waiter(farm, awaited.job, job.record.id);
}

}  // namespace framemill::scheduler
