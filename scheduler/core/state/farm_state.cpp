#include "scheduler/core/state/farm_state.h"

#include <algorithm>
#include <utility>

namespace framemill::scheduler {
namespace {

std::pair<std::int64_t, std::int64_t> place_at_work(const JobEntry& job) {
  return {job.record.priority, -std::int64_t{job.record.id.value}};
}

}  // namespace

Lease& FarmState::attach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease lease, std::uint32_t capacity) {
  const AttemptRecord& record = lease.record;
  lease.left = record.tasks.count - std::min(record.tasks.count, record.tasks_committed);
  lease.chain = phase.chain;
  lease.windows = phase.chain ? 1 : std::min(record.tasks.count, std::max(capacity, 1u));
  lease.granted_at = lease.named_at = lease.moved_at = now();
  lease.deadline = now() + settings.lease_ttl;
  phase.attach(record.id, record.tasks, lease.has_expired);
  if (job.attempts_live++ == 0) at_work.insert(place_at_work(job));
  Lease& kept = leases.add(std::move(lease));
  workers.attach(worker, kept, capacity);
  slot_groups.touch({worker.record.id, kept.record.slot});
  if (!kept.expired) limits.take(kept.demand, {worker.record.id, kept.record.slot});
  return kept;
}

void FarmState::expire(PhaseEntry& phase, Lease& lease) {
  if (!std::exchange(lease.has_expired, true)) ++phase.expired_leases;
  if (!lease.expired) limits.give_back(lease.demand, {lease.record.worker, lease.record.slot});
  leases.expire(lease);
  match_wanted = true;
}

void FarmState::revive(Lease& lease, base::Instant deadline) {
  leases.renew(lease, deadline);
  limits.take(lease.demand, {lease.record.worker, lease.record.slot});
}

AttemptRecord FarmState::detach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease& lease) {
  const AttemptId id = lease.record.id;
  const TaskRange tasks = lease.record.tasks;
  phase.detach(id, tasks, lease.has_expired);
  if (--job.attempts_live == 0) at_work.erase(place_at_work(job));
  workers.detach(worker, lease);
  slot_groups.touch({worker.record.id, lease.record.slot});
  if (!lease.expired) limits.give_back(lease.demand, {worker.record.id, lease.record.slot});
  if (phase.tasks.any(tasks, TaskState::Committed)) leases.remember(id, {phase.id, tasks, worker.record.id});
  AttemptRecord record = std::move(lease.record);
  lease.record.id = id;  // moved from: the book still needs its key
  leases.erase(id);
  return record;
}

void FarmState::set_priority(JobEntry& job, std::int32_t priority) {
  const bool works = at_work.erase(place_at_work(job)) > 0;
  job.record.priority = priority;
  if (works) at_work.insert(place_at_work(job));
}

void FarmState::load_changed(WorkerEntry& worker, const Lease& lease, std::uint32_t before) {
  workers.load_changed(worker, lease, before);
  slot_groups.touch({worker.record.id, lease.record.slot});
}

void FarmState::on_memory_learned(const base::Sha256& model) {
  ++memory_learned;
  slot_groups.on_memory_learned(model);
  match_wanted = true;
}

}  // namespace framemill::scheduler
