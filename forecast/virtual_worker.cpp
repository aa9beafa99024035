#include "forecast/virtual_worker.h"

#include <algorithm>

#include "base/check.h"
#include "scheduler/core/state/demand.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;

constexpr double kMicros = 1e6;
constexpr std::uint32_t kLoadDraws = 0x80000000u;  // what a load draws is not what a task draws

Micros to_micros(double seconds) {
  return std::max<Micros>(static_cast<Micros>(seconds * kMicros), 1);
}

}  // namespace

VirtualWorker::VirtualWorker(const Durations& durations, std::uint64_t seed, std::string key, Inventory inventory)
    : durations_(durations), seed_(seed), key_(std::move(key)), inventory_(std::move(inventory)),
      slots_(inventory_.slots.size()) {
  inventory_.looks_for_files = false;  // files of roots count as there
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    FM_CHECK(inventory_.slots[place].device < inventory_.devices.size(), "a slot of a virtual worker without a device");
    for (const base::Sha256& model : inventory_.slots[place].loaded_models) slots_[place].models.emplace_back(model, 0);
  }
}

std::optional<std::uint32_t> VirtualWorker::find_slot(std::uint32_t slot_index) const {
  const auto& slots = inventory_.slots;
  if (slot_index < slots.size() && slots[slot_index].index == slot_index) return slot_index;
  const auto found =
      std::find_if(slots.begin(), slots.end(), [&](const SlotState& slot) { return slot.index == slot_index; });
  if (found == slots.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - slots.begin());
}

const DeviceState& VirtualWorker::device_of(std::uint32_t place) const {
  return inventory_.devices[inventory_.slots[place].device];
}

TaskRun VirtualWorker::run_of(const HeldLease& lease, std::uint32_t place, TaskIndex task) const {
  return {*lease.job, lease.plan(), task, id, device_of(place)};
}

Micros VirtualWorker::task_micros(const HeldLease& lease, std::uint32_t place, TaskIndex task) const {
  Draws draws(seed_ ^ (std::uint64_t{lease.phase.job.value} << 20), lease.phase.index, task, id.value);
  return to_micros(durations_.task_s(run_of(lease, place, task), draws));
}

// The bytes of models that have not run for long make place for those of a new one, as in an executor.
Micros VirtualWorker::load_model(VirtualSlot& slot, const HeldLease& lease, std::uint32_t place) {
  const std::string& id_of_model = lease.job->spec->layers[lease.plan().layer].model();
  const bool has_model = lease.plan().traits().runner == Runner::Executor;
  const auto load = [&] {
    if (!durations_.load_s) return Micros{0};
    Draws draws(seed_ ^ (std::uint64_t{lease.phase.job.value} << 20), lease.phase.index | kLoadDraws, lease.tasks.first,
                id.value);
    const double seconds = durations_.load_s(run_of(lease, place, lease.tasks.first), draws);
    return seconds > 0 ? to_micros(seconds) : Micros{0};
  };
  if (!has_model) return lease.tasks_reported == 0 ? load() : 0;
  const jobs::PackageFacts* package = package_of(*lease.job, id_of_model);
  FM_CHECK(package != nullptr, "a job without the facts of its package");
  auto& models = slot.models;
  const auto loaded =
      std::find_if(models.begin(), models.end(), [&](const auto& m) { return m.first == package->root_digest; });
  if (loaded != models.end()) {
    std::rotate(loaded, loaded + 1, models.end());
    return 0;
  }
  const DeviceState& device = device_of(place);
  const std::uint64_t bytes =
      device.kind == DeviceKind::Cuda ? package->cuda_memory.resident_bytes : package->cpu_memory.resident_bytes;
  std::uint64_t held = bytes;
  for (const auto& model : models) held += model.second;
  while (!models.empty() && held > device.memory_bytes_budget) {
    held -= models.front().second;
    models.erase(models.begin());
  }
  models.emplace_back(package->root_digest, bytes);
  auto& told = inventory_.slots[place].loaded_models;
  told.clear();
  for (const auto& model : models) told.push_back(model.first);
  inventory_told_ = false;
  return load();
}

bool VirtualWorker::begin_stretch(std::uint32_t place, Micros now, Micros most, const Begun& begun) {
  VirtualSlot& slot = slots_[place];
  ++slot.wake;
  slot.stretch = {};
  if (slot.held.empty()) return false;
  const HeldLease& lease = slot.held.front();
  slot.begun = now;
  slot.load = load_model(slot, lease, place);
  slot.stretch = {lease.tasks.first, 0};
  Micros work = 0;
  while (slot.stretch.count < lease.tasks.count && (slot.stretch.count == 0 || slot.load + work < most))
    work += task_micros(lease, place, lease.tasks.first + slot.stretch.count++);
  const Micros first = task_micros(lease, place, lease.tasks.first);
  // One that takes longer than was drawn for it has at least a tenth to go.
  const Micros done = begun.share ? static_cast<Micros>(static_cast<double>(first) * std::min(*begun.share, 1.0))
                                  : std::min(begun.since, first - first / 10);
  slot.ends = now + slot.load + work - done;
  return true;
}

void VirtualWorker::end_stretch(std::uint32_t place, WorkerReported& report) {
  VirtualSlot& slot = slots_[place];
  HeldLease& lease = slot.held.front();
  lease.usage.load_us += static_cast<std::uint64_t>(slot.load);
  spent_.load += slot.load;
  if (slot.load > 0 && lease.plan().traits().runner == Runner::Executor) ++lease.usage.model_loads;
  for (TaskIndex t = slot.stretch.first; t < slot.stretch.end(); ++t) {
    const auto took = static_cast<std::uint64_t>(task_micros(lease, place, t));
    lease.usage.compute_us += took;
    spent_.work += static_cast<Micros>(took);
    report.finished.push_back({lease.attempt, lease.phase, t, took, {}, {}, {}});
  }
  lease.usage.wall_us = lease.usage.load_us + lease.usage.compute_us;
  lease.usage.steps = lease.usage.batch_max = 1;
  lease.tasks_reported += slot.stretch.count;
  // Published in the same report: no virtual storage is slow.
  report.published.push_back({lease.phase, slot.stretch});
  lease.tasks = {slot.stretch.end(), lease.tasks.count - slot.stretch.count};
  slot.stretch = {};
  slot.load = 0;
  if (!lease.tasks.empty()) return;
  AttemptEnded ended;
  ended.attempt = lease.attempt;
  ended.device_class = device_of(place).device_class;
  ended.usage = std::move(lease.usage);
  report.ended.push_back(std::move(ended));
  drop_front(slot);
}

VirtualWorker::Change VirtualWorker::revoke(const RevokeLease& order, Micros now, std::uint32_t& place) {
  for (place = 0; place < slots_.size(); ++place) {
    VirtualSlot& slot = slots_[place];
    const auto lease = std::find_if(slot.held.begin(), slot.held.end(),
                                    [&](const HeldLease& held) { return held.attempt == order.attempt; });
    if (lease == slot.held.end()) continue;
    const bool runs = lease == slot.held.begin();
    const bool keeps = order.reason == jobs::RevokeReason::TakenBack && !order.keep.empty();
    if (!keeps) {
      if (runs) spent_.lost += now - slot.begun;
      slot.held.erase(lease);
      return runs ? Change::Free : Change::None;
    }
    const TaskIndex end = std::min(lease->tasks.end(), order.keep.end());
    if (end <= lease->tasks.first) {  // all that it keeps is reported
      if (runs) spent_.lost += now - slot.begun;
      slot.held.erase(lease);
      return runs ? Change::Free : Change::None;
    }
    lease->tasks.count = end - lease->tasks.first;
    if (!runs || slot.stretch.end() <= end) return Change::None;
    slot.stretch.count = end - slot.stretch.first;
    Micros work = 0;
    for (TaskIndex t = slot.stretch.first; t < end; ++t) work += task_micros(*lease, place, t);
    slot.ends = std::max(now, slot.begun + slot.load + work);
    ++slot.wake;
    return Change::Shorter;
  }
  return Change::None;
}

void VirtualWorker::fill(WorkerReported& report) {
  report.key = key_;
  report.incarnation = incarnation;
  report.sequence = ++sequence;
  report.draining = gone;
  for (const VirtualSlot& slot : slots_)
    for (const HeldLease& lease : slot.held) {
      AttemptRunning& running = report.running.emplace_back();
      running.attempt = lease.attempt;
      running.task = lease.tasks.first;
      running.tasks = {lease.tasks.first - lease.tasks_reported, lease.tasks.count + lease.tasks_reported};
      const bool runs = &lease == &slot.held.front();
      running.step = running.batch = runs ? 1 : 0;
      running.usage = lease.usage;
    }
  if (inventory_told_) return;
  inventory_told_ = true;
  report.inventory = inventory_;
}

}  // namespace framemill::forecast
