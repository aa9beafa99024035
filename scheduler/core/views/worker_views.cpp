#include "scheduler/core/views/worker_views.h"

#include <algorithm>

#include "scheduler/core/policy/failure_text.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kSetAsideMax = 64;

SlotActivity::Lease activity_of(const FarmState& farm, const Lease& lease) {
  const JobEntry& job = farm.jobs.get(lease.record.phase.job);
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
  activity.loading_model = lease.activity.loading_model;
  activity.detail = lease.activity.detail;
  activity.output = lease.activity.output;
  activity.phase = jobs::name(phase.plan->kind);
  return activity;
}

std::uint64_t tasks_held_by(const FarmState& farm, const Lease& lease) {
  std::uint64_t held = 0;
  for (const StateRun& run : farm.jobs.get(lease.record.phase).tasks.runs(lease.record.tasks))
    if (run.state == TaskState::Leased) held += run.tasks.count;
  return held;
}

std::vector<SetAside> set_aside_from(const FarmState& farm, WorkerId worker) {
  std::vector<SetAside> all;
  for (auto id = farm.jobs_aside.rbegin(); id != farm.jobs_aside.rend() && all.size() < kSetAsideMax; ++id) {
    const JobEntry& job = farm.jobs.get(*id);
    for (const auto& [key, standing] : job.hosts) {
      if (key.second != worker || !standing.aside || all.size() >= kSetAsideMax) continue;
      SetAside entry;
      entry.job = *id;
      entry.layer = job.record.spec->layers[key.first].name;
      entry.reason =
          failure_text(standing.code, standing.message) + (standing.by_failures ? "; it succeeds elsewhere" : "");
      entry.since = standing.aside_since;
      entry.next_try_ms = std::max<std::int64_t>((standing.not_before - farm.now()).ms, 0);
      all.push_back(std::move(entry));
    }
  }
  return all;
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
  view.media = worker.inventory.media;
  view.set_aside = set_aside_from(farm, worker.record.id);
  view.conditions = worker.inventory.conditions;
  view.confinement = worker.inventory.confinement;
  view.command_confinement = worker.inventory.command_confinement;
  view.drain_at = worker.record.drain_at;
  view.drain_planned = worker.record.drain_planned;
  view.tasks_taken_back = worker.tasks_taken_back;
  for (const auto& [index, slot] : worker.slots) {
    SlotActivity activity;
    activity.index = index;
    activity.name = slot.state.name;
    activity.usable = slot.state.usable && !slot.gone;
    activity.device = slot.state.device;
    activity.loaded_models = slot.state.loaded_models;
    for (const AttemptId id : slot.leases) {
      const Lease& lease = farm.leases.get(id);
      activity.leases.push_back(activity_of(farm, lease));
      view.tasks_held += tasks_held_by(farm, lease);
    }
    if (const DeviceState* device = worker.device_of(slot)) {
      activity.booked_bytes = slot_booking(farm.memory, worker, slot);
      activity.budget_bytes = device->memory_bytes_budget;
    }
    view.slots.push_back(std::move(activity));
  }
  return view;
}

std::uint64_t view_cost(const FarmState& farm, const WorkerEntry& worker) {
  const Inventory& inventory = worker.inventory;
  return 8 + 4 * worker.slots.size() + 6 * worker.leases.size() + inventory.devices.size() + inventory.packages.size() +
         inventory.roots.size() + inventory.commands.size() + 2 * farm.jobs_aside.size();
}

}  // namespace framemill::scheduler
