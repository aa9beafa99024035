// A worker under virtual time: what each of its slots holds, what runs there and until when. A slot works at one task
// after the other, in the order of its leases: the device's time is what counts, and windows of one batch share it. Told
// by the farm's orders, asked for its reports; it knows no queue and no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "forecast/durations.h"
#include "scheduler/core/state/effects.h"

namespace framemill::forecast {

// Microseconds of the run's clock: finer than the core's milliseconds, so that short tasks add up.
using Micros = std::int64_t;

struct SlotTime {
  Micros work = 0, load = 0;
  Micros lost = 0;  // on what was taken back while it ran, or somebody else finished
};

struct HeldLease {
  scheduler::AttemptId attempt;
  scheduler::PhaseId phase;
  scheduler::TaskRange tasks;  // those that are not reported yet
  const scheduler::JobRecord* job = nullptr;
  std::uint32_t tasks_reported = 0;
  scheduler::UsageTotals usage;

  const jobs::PhasePlan& plan() const { return job->plan->phases[phase.index]; }
};

struct VirtualSlot {
  std::vector<HeldLease> held;  // the first one runs
  // What runs without a report: these tasks of the first lease.
  scheduler::TaskRange stretch;
  Micros begun = 0, ends = 0, load = 0;  // load: of the model, before them
  std::uint32_t wake = 0;                // names the moment at which it ends; an older one counts no more
  std::vector<std::pair<base::Sha256, std::uint64_t>> models;  // loaded, with their bytes; the last used comes last
};

// How far the first task of a stretch is when it begins: its share where somebody knows it, else for how long it may have
// run already.
struct Begun {
  Micros since = 0;
  std::optional<double> share;
};

class VirtualWorker {
 public:
  VirtualWorker(const Durations& durations, std::uint64_t seed, std::string key, scheduler::Inventory inventory);

  scheduler::WorkerId id;
  std::uint64_t incarnation = 1, sequence = 0;
  bool gone = false;

  const std::string& key() const { return key_; }
  const scheduler::Inventory& inventory() const { return inventory_; }
  std::vector<VirtualSlot>& slots() { return slots_; }                     // by their place in the inventory
  std::optional<std::uint32_t> find_slot(std::uint32_t slot_index) const;  // its place
  const scheduler::DeviceState& device_of(std::uint32_t place) const;

  void take(std::uint32_t place, HeldLease lease) { slots_[place].held.push_back(std::move(lease)); }
  // The first lease of the slot goes on, from `now`: sets the stretch. False: the slot holds nothing. `most`: tasks are
  // reported at least so often.
  bool begin_stretch(std::uint32_t place, Micros now, Micros most, const Begun& begun = {});
  // It has ended: finished tasks, an ended lease, and what they are published with, go into the report.
  void end_stretch(std::uint32_t place, scheduler::WorkerReported& report);
  // The farm takes the lease back, or all of it but `keep`. True: what runs in the slot changed, and begins anew.
  enum class Change { None, Shorter, Free };
  Change revoke(const scheduler::RevokeLease& order, Micros now, std::uint32_t& place);

  const SlotTime& spent() const { return spent_; }

  // What a report says beside what has ended: who it is, and all that it holds.
  void fill(scheduler::WorkerReported& report);

 private:
  TaskRun run_of(const HeldLease& lease, std::uint32_t place, scheduler::TaskIndex task) const;
  Micros task_micros(const HeldLease& lease, std::uint32_t place, scheduler::TaskIndex task) const;
  Micros load_model(VirtualSlot& slot, const HeldLease& lease, std::uint32_t place);
  void drop_front(VirtualSlot& slot) { slot.held.erase(slot.held.begin()); }

  const Durations& durations_;
  std::uint64_t seed_;
  std::string key_;
  scheduler::Inventory inventory_;
  std::vector<VirtualSlot> slots_;
  SlotTime spent_;
  bool inventory_told_ = false;
};

}  // namespace framemill::forecast
