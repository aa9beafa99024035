#include "scheduler/core/state/lease_book.h"

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
    Lease& lease = *find(timers_.begin()->second);
    if (lease.deadline <= now) return &lease;
    timers_.erase(timers_.begin());
    lease.timer = lease.deadline;
    timers_.emplace(lease.timer, lease.record.id);
  }
  return nullptr;
}

const EndedAttempt* LeaseBook::remembered(AttemptId id) const {
  const auto entry = remembered_.find(id);
  return entry == remembered_.end() ? nullptr : &entry->second;
}

}  // namespace framemill::scheduler
