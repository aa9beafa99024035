#include "scheduler/core/state/lease_book.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace framemill::scheduler {

Lease* LeaseBook::find(AttemptId id) {
  const auto entry = live_.find(id);
  return entry == live_.end() ? nullptr : &entry->second;
}
const Lease* LeaseBook::find(AttemptId id) const {
  const auto entry = live_.find(id);
  return entry == live_.end() ? nullptr : &entry->second;
}

Lease& LeaseBook::get(AttemptId id) {
  Lease* lease = find(id);
  FM_CHECK(lease != nullptr, "an attempt without its lease");
  return *lease;
}
const Lease& LeaseBook::get(AttemptId id) const {
  const Lease* lease = find(id);
  FM_CHECK(lease != nullptr, "an attempt without its lease");
  return *lease;
}

Lease& LeaseBook::add(Lease lease) {
  const AttemptId id = lease.record.id;
  const auto [entry, added] = live_.try_emplace(id, std::move(lease));
  FM_CHECK(added, "an attempt number used twice");
  Lease& kept = entry->second;
  kept.timer = kept.deadline;
  if (!kept.expired) timers_.emplace(kept.timer, id);
  return kept;
}

void LeaseBook::erase(AttemptId id) {
  const auto entry = live_.find(id);
  FM_CHECK(entry != live_.end(), "an attempt ended twice");
  timers_.erase({entry->second.timer, id});
  live_.erase(entry);
}

void LeaseBook::rescale(double by) {
  for (auto& [id, lease] : live_) lease.charged /= by;
}

void LeaseBook::renew(Lease& lease, base::Instant deadline) {
  lease.deadline = deadline;
  if (!lease.expired) return;
  lease.expired = false;
  lease.timer = deadline;
  timers_.emplace(lease.timer, lease.record.id);
}

void LeaseBook::expire(Lease& lease) {
  timers_.erase({lease.timer, lease.record.id});
  lease.expired = true;
}

void LeaseBook::shift_all(base::Duration gap) {
  timers_.clear();
  for (auto& [id, lease] : live_) {
    lease.deadline = lease.deadline + gap;
    lease.named_at = lease.named_at + gap;
    lease.moved_at = lease.moved_at + gap;
    lease.timer = lease.deadline;
    if (!lease.expired) timers_.emplace(lease.timer, id);
  }
}

base::Instant LeaseBook::next_deadline() const {
  return timers_.empty() ? base::kNever : timers_.begin()->first;
}

Lease* LeaseBook::next_due(base::Instant now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Lease& lease = get(timers_.begin()->second);
    if (lease.deadline <= now) return &lease;
    timers_.erase(timers_.begin());
    lease.timer = lease.deadline;
    timers_.emplace(lease.timer, lease.record.id);
  }
  return nullptr;
}

void LeaseBook::remember(AttemptId id, EndedAttempt ended) {
  EndedOfPhase& of_phase = ended_[ended.phase];
  of_phase.by_first.emplace(ended.tasks.first, id);
  of_phase.longest = std::max(of_phase.longest, ended.tasks.count);
  remembered_.insert_or_assign(id, ended);
}

void LeaseBook::forget_published(PhaseId phase, const TaskStates& tasks, TaskRange published) {
  const auto of_phase = ended_.find(phase);
  if (of_phase == ended_.end()) return;
  auto& [by_first, longest] = of_phase->second;
  const TaskIndex from = published.first > longest ? published.first - longest : 0;
  for (auto it = by_first.lower_bound({from, AttemptId{}}); it != by_first.end() && it->first < published.end();) {
    const auto ended = remembered_.find(it->second);
    FM_CHECK(ended != remembered_.end(), "an ended attempt that is listed and not remembered");
    if (tasks.any(ended->second.tasks, TaskState::Committed)) {
      ++it;
      continue;
    }
    remembered_.erase(ended);
    it = by_first.erase(it);
  }
}

void LeaseBook::forget_job(JobId job) {
  auto of_phase = ended_.lower_bound({job, 0});
  while (of_phase != ended_.end() && of_phase->first.job == job) {
    for (const auto& [first, id] : of_phase->second.by_first) remembered_.erase(id);
    of_phase = ended_.erase(of_phase);
  }
}

const EndedAttempt* LeaseBook::remembered(AttemptId id) const {
  const auto entry = remembered_.find(id);
  return entry == remembered_.end() ? nullptr : &entry->second;
}

}  // namespace framemill::scheduler
