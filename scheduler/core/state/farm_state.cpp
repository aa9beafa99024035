#include "scheduler/core/state/farm_state.h"

#include <algorithm>
#include <utility>

namespace framemill::scheduler {
namespace {

std::pair<std::int64_t, std::int64_t> place_at_work(const JobEntry& job) {
  return {job.record.priority, -std::int64_t{job.record.id.value}};
}

// Of a task that nobody has measured yet, on its device.
constexpr double kUnmeasured_s = 1;

bool is_cpu(const std::string& device_class) {
  return device_class.starts_with("cpu");
}

}  // namespace

void FarmState::start_work(const JobEntry& job) {
  at_work[job.share].insert(place_at_work(job));
  rivalries.stale.insert(job.share);
}

void FarmState::end_work(const JobEntry& job) {
  const auto jobs_at_work = at_work.find(job.share);
  jobs_at_work->second.erase(place_at_work(job));
  if (jobs_at_work->second.empty()) at_work.erase(jobs_at_work);
  rivalries.stale.insert(job.share);
}

void FarmState::note_change(const ReadyQueue::Change& change, ShareId share) {
  if (change.moved) rivalries.stale.insert(share);
  if (change.any || change.moved) shares.set_waiting(share, ready.tasks_of(share));
  if (!change.left || change.left == share) return;
  rivalries.stale.insert(change.left);
  shares.set_waiting(change.left, ready.tasks_of(change.left));
}

void FarmState::set_ready(const Place& place, ClassId demand, const Standing& standing, std::uint32_t tasks) {
  note_change(tasks == 0 ? ready.erase(place) : ready.set(place, demand, standing, tasks), standing.share);
}

// Before a worker has reported after a restart, its devices are known by their class alone.
double FarmState::device_weight(const Lease& lease) const {
  const std::map<std::string, double>& weights = settings.shares.device_weights;
  const auto of = [&](const std::string& name) -> const double* {
    const auto weight = weights.find(name);
    return weight == weights.end() ? nullptr : &weight->second;
  };
  const WorkerEntry& worker = workers.get(lease.record.worker);
  const auto slot = worker.slots.find(lease.record.slot);
  const DeviceState* device = slot == worker.slots.end() ? nullptr : worker.device_of(slot->second);
  const std::string& device_class = device == nullptr ? lease.record.device_class : device->device_class;
  if (device != nullptr)
    if (const double* weight = of(device->name)) return *weight;
  if (const double* weight = of(device_class)) return *weight;
  const bool on_cpu = device == nullptr ? is_cpu(device_class) : device->kind == DeviceKind::Cpu;
  const double* weight = of(on_cpu ? "cpu" : "cuda");
  return weight == nullptr ? 1 : *weight;
}

// A worker that says nothing of it: its tasks cost what such tasks do.
double FarmState::used_us(const PhaseEntry& phase, const Lease& lease, const UsageTotals& usage) const {
  if (usage.device_us() > 0 || lease.record.tasks_committed == 0) return static_cast<double>(usage.device_us());
  return pace.device_seconds(phase.pace, lease.record.device_class).value_or(0) * 1e6 * lease.record.tasks_committed;
}

void FarmState::recharge(const PhaseEntry& phase, Lease& lease) {
  const double task_s = pace.device_seconds(phase.pace, lease.record.device_class).value_or(kUnmeasured_s);
  const double us =
      std::max(task_s * 1e6 * lease.record.tasks.count, static_cast<double>(lease.activity.usage.device_us()));
  lease.device_weight = device_weight(lease);
  const double due = us * lease.device_weight * shares.scale(now());
  shares.charge(lease.share, due - lease.charged);
  lease.charged = due;
}

void FarmState::rescale_shares() {
  if (const double by = shares.rescale(now()); by != 1) leases.rescale(by);
}

void FarmState::take_places(const Lease& lease) {
  const SlotRef slot{lease.record.worker, lease.record.slot};
  limits.take(lease.demand, slot);
  caps.take(shares, lease.share, slot);
}

void FarmState::give_places_back(const Lease& lease) {
  const SlotRef slot{lease.record.worker, lease.record.slot};
  limits.give_back(lease.demand, slot);
  caps.give_back(shares, lease.share, slot);
}

bool FarmState::is_in_the_way(const Demand& demand, ShareId share, const SlotRef& slot) const {
  return limits.in_the_way(demand, slot) != nullptr || caps.in_the_way(shares, share, slot);
}

Lease& FarmState::attach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease lease, std::uint32_t capacity) {
  const AttemptRecord& record = lease.record;
  lease.left = record.tasks.count - std::min(record.tasks.count, record.tasks_committed);
  lease.chain = phase.chain;
  lease.windows = phase.chain ? 1 : std::min(record.tasks.count, std::max(capacity, 1u));
  lease.granted_at = lease.named_at = lease.moved_at = now();
  lease.deadline = now() + settings.lease_ttl;
  phase.attach(record.id, record.tasks, lease.has_expired);
  if (job.attempts_live++ == 0) start_work(job);
  lease.share = job.share;
  Lease& kept = leases.add(std::move(lease));
  workers.attach(worker, kept, capacity);
  shares.enter(kept.share, worker.slots.at(kept.record.slot).shares);
  recharge(phase, kept);
  slot_groups.touch({worker.record.id, kept.record.slot});
  if (!kept.expired) take_places(kept);
  return kept;
}

void FarmState::expire(PhaseEntry& phase, Lease& lease) {
  if (!std::exchange(lease.has_expired, true)) ++phase.expired_leases;
  if (!lease.expired) give_places_back(lease);
  leases.expire(lease);
  match_wanted = true;
}

void FarmState::revive(Lease& lease, base::Instant deadline) {
  leases.renew(lease, deadline);
  take_places(lease);
}

AttemptRecord FarmState::detach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease& lease,
                                const UsageTotals& usage) {
  const AttemptId id = lease.record.id;
  const TaskRange tasks = lease.record.tasks;
  phase.detach(id, tasks, lease.has_expired);
  if (--job.attempts_live == 0) end_work(job);
  const double used = used_us(phase, lease, usage);
  if (lease.record.tasks_committed > 0)
    pace.used(phase.pace, lease.record.device_class, usage.device_us() / lease.record.tasks_committed);
  shares.leave(lease.share, worker.slots.at(lease.record.slot).shares);
  shares.settle(lease.share, used * device_weight(lease) * shares.scale(now()), lease.charged);
  workers.detach(worker, lease);
  slot_groups.touch({worker.record.id, lease.record.slot});
  if (!lease.expired) give_places_back(lease);
  if (phase.tasks.any(tasks, TaskState::Committed)) leases.remember(id, {phase.id, tasks, worker.record.id});
  AttemptRecord record = std::move(lease.record);
  lease.record.id = id;  // moved from: the book still needs its key
  leases.erase(id);
  return record;
}

void FarmState::set_priority(JobEntry& job, std::int32_t priority) {
  if (job.attempts_live > 0) end_work(job);
  job.record.priority = priority;
  if (job.attempts_live > 0) start_work(job);
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
