#include "scheduler/core/state/publish_duties.h"

#include "base/check.h"

namespace framemill::scheduler {

void PublishDuties::add(PhaseId phase, TaskIndex task, AttemptId attempt) {
  const Key key{phase, task};
  const auto [entry, added] = duties_.try_emplace(key);
  FM_CHECK(added, "a task to be published twice");
  entry->second.attempt = attempt;
  unassigned_.insert(key);
}

void PublishDuties::done(PhaseId phase, TaskRange tasks) {
  auto duty = duties_.lower_bound({phase, tasks.first});
  while (duty != duties_.end() && duty->first.first == phase && duty->first.second < tasks.end()) {
    if (duty->second.worker)
      by_worker_[duty->second.worker].erase({duty->second.ordered, duty->first});
    else
      unassigned_.erase(duty->first);
    duty = duties_.erase(duty);
  }
}

const Duty* PublishDuties::find(const Key& key) const {
  const auto duty = duties_.find(key);
  return duty == duties_.end() ? nullptr : &duty->second;
}

Duty& PublishDuties::get(const Key& key) {
  const auto duty = duties_.find(key);
  FM_CHECK(duty != duties_.end(), "a committed task that nobody is to publish");
  return duty->second;
}

void PublishDuties::assign(const Key& key, WorkerId worker, base::Instant ordered) {
  unassign(key);
  Duty& duty = get(key);
  duty.worker = worker;
  duty.ordered = ordered;
  unassigned_.erase(key);
  by_worker_[worker].emplace(ordered, key);
}

void PublishDuties::unassign(const Key& key) {
  Duty& duty = get(key);
  if (!duty.worker) return;
  by_worker_[duty.worker].erase({duty.ordered, key});
  duty.worker = {};
  unassigned_.insert(key);
}

const std::set<std::pair<base::Instant, PublishDuties::Key>>& PublishDuties::of(WorkerId worker) const {
  static const std::set<std::pair<base::Instant, Key>> kNone;
  const auto entry = by_worker_.find(worker);
  return entry == by_worker_.end() ? kNone : entry->second;
}

}  // namespace framemill::scheduler
