#include "scheduler/core/worker_views.h"

#include "scheduler/core/job_views.h"

namespace framemill::scheduler {
namespace {

SlotActivity::Lease activity_of(const FarmState& farm, const Lease& lease) {
  const JobEntry& job = *farm.jobs.find(lease.record.phase.job);
  const PhaseEntry& phase = job.phases[lease.record.phase.index];
  SlotActivity::Lease activity;
  activity.attempt = lease.record.id;
  activity.job = job.record.id;
  activity.layer = job.layer_of(phase).name;
  activity.model = lease.demand.model;
  activity.variant = phase.plan->variant;
  activity.tasks = lease.record.tasks;
  activity.task = lease.activity.attempt ? lease.activity.task : lease.record.tasks.first;
  activity.step = lease.activity.step;
  activity.steps = lease.activity.steps;
  activity.batch = lease.activity.batch;
  activity.model_warm = lease.activity.model_warm;
  activity.detail = lease.activity.detail;
  activity.phase = jobs::name(phase.plan->kind);
  return activity;
}

}  // namespace

WorkerView view_of(const FarmState& farm, const WorkerEntry& worker, base::Now now) {
  WorkerView view;
  view.id = worker.record.id;
  view.name = worker.record.name;
  view.key = worker.record.key;
  view.version = worker.inventory.version;
  view.address = worker.address;
  if (!worker.other_address.empty() && now.monotonic - worker.other_seen < kKeyContestedShown)
    view.other_address = worker.other_address;
  view.state = worker.state();
  view.last_change = worker.record.last_change;
  view.quarantined = worker.record.quarantined;
  view.silent_ms = worker.silent ? (now.monotonic - worker.last_heard).ms : 0;
  view.devices = worker.inventory.devices;
  view.packages = worker.inventory.packages;
  view.roots = worker.inventory.roots;
  view.commands = worker.inventory.commands;
  for (const auto& [index, slot] : worker.slots) {
    SlotActivity activity;
    activity.index = index;
    activity.name = slot.state.name;
    activity.usable = slot.state.usable;
    for (const AttemptId id : slot.leases) activity.leases.push_back(activity_of(farm, *farm.leases.find(id)));
    if (const DeviceState* device = worker.device_of(slot)) {
      activity.booked_bytes = slot_booking(farm.memory, worker, slot);
      activity.budget_bytes = device->memory_bytes_budget;
    }
    view.slots.push_back(std::move(activity));
  }
  return view;
}

}  // namespace framemill::scheduler
