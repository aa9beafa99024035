#include "forecast/future.h"

#include <algorithm>
#include <set>
#include <utility>

#include "scheduler/core/state/demand.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;

constexpr double kNoTime_s = 1e-3;

// Counts down what is left of each layer.
class ReadyWatch : public FarmWatcher {
 public:
  ReadyWatch(const Replica& replica, Future& future) : replica_(replica), future_(future) {}

  void expect(const JobRecord& job) {
    for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i) {
      const auto record = replica_.records().of<PhaseRecord>().find(PhaseId{job.id, i});
      const auto& counts = record->second.counts;
      const auto left = [&](jobs::TaskState state) { return counts[static_cast<std::size_t>(state)]; };
      const std::uint32_t open =
          left(jobs::TaskState::Waiting) + left(jobs::TaskState::Ready) + left(jobs::TaskState::Leased);
      if (open > 0) left_[layer_key(job.id, job.plan->phases[i].layer)] += open;
    }
  }
  void on_finished(WorkerId, PhaseId of, TaskRange tasks, base::Instant at) override {
    const JobRecord* job = replica_.job(of.job);
    if (job == nullptr) return;
    const std::uint64_t key = layer_key(of.job, job->plan->phases[of.index].layer);
    const auto left = left_.find(key);
    if (left == left_.end()) return;
    left->second -= std::min<std::uint64_t>(left->second, tasks.count);
    if (left->second == 0) future_.layers.insert_or_assign(key, (at - VirtualFarm::start()).ms);
  }
  void on_job_over(JobId job, jobs::JobState state, base::Instant at) override {
    future_.jobs.insert_or_assign(job, Future::Ready{(at - VirtualFarm::start()).ms, state});
  }

 private:
  const Replica& replica_;
  Future& future_;
  std::unordered_map<std::uint64_t, std::uint64_t> left_;
};

bool takes_part(const WorkerView& worker) {
  return !worker.devices.empty() && worker.state != jobs::WorkerState::Silent &&
         worker.state != jobs::WorkerState::Revoked;
}

// Drawn times, with what is changed about the job.
Durations durations_of(DrawnDurations& drawn, const WhatIf& what_if) {
  const auto phase_of = [](const TaskRun& run) {
    return PhaseId{run.job.id, static_cast<std::uint32_t>(&run.phase - run.job.plan->phases.data())};
  };
  Durations durations;
  durations.task_s = [&drawn, &what_if, phase_of](const TaskRun& run, Draws&) {
    const double seconds = drawn.task_seconds(run.job, phase_of(run), run.task, run.worker, run.device.device_class);
    if (run.job.id != what_if.job) return seconds;
    if (const auto kept = what_if.variants.find(run.phase.layer);
        kept != what_if.variants.end() && run.phase.variant >= kept->second)
      return kNoTime_s;
    const auto share = what_if.steps.find(run.phase.layer);
    return share == what_if.steps.end() || !run.phase.traits().stepped ? seconds : seconds * share->second;
  };
  durations.load_s = [&drawn](const TaskRun& run, Draws&) {
    const auto* package = package_of(run.job, run.job.spec->layers[run.phase.layer].model());
    return package == nullptr ? 0.0 : drawn.load_seconds(package->root_digest, run.device.device_class);
  };
  return durations;
}

// Jobs, attempts and workers that a future may begin with: a replica that lacks something of a job does without the job.
class Beginning {
 public:
  Beginning(const FarmAsItIs& farm, const WhatIf& what_if) : farm_(farm), what_if_(what_if) {
    for (const WorkerRow& worker : farm.workers) {
      if (!takes_part(*worker)) continue;
      for (const SlotState& slot : inventory_of(*worker).slots) slots_.emplace(worker->id, slot.index);
    }
  }

  void put(VirtualFarm& virtual_farm, ReadyWatch& watch) {
    const RecordSet& records = farm_.replica.records();
    for (const auto& [id, record] : records.of<JobRecord>()) {
      if (jobs::is_final(record.state) || !is_whole(farm_.replica, record)) continue;
      whole_.insert(id);
      watch.expect(record);
      virtual_farm.put(changed(record));
    }
    records.each([&]<class R>(const R& record) {
      if constexpr (!std::is_same_v<R, JobRecord>)
        if (belongs(record)) virtual_farm.put(record);
    });
  }

 private:
  JobRecord changed(JobRecord record) const {
    if (record.id == what_if_.job && what_if_.priority) record.priority = *what_if_.priority;
    if (std::find(what_if_.paused.begin(), what_if_.paused.end(), record.id) != what_if_.paused.end())
      record.holds.push_back({jobs::HoldKind::Pause, {"forecast", farm_.now, "what if"}, {}});
    return record;
  }
  bool belongs(const PhaseRecord& record) const { return whole_.contains(record.id.job); }
  bool belongs(const TaskPageRecord& record) const { return whole_.contains(record.phase.job); }
  bool belongs(const TaskTroubleRecord& record) const { return whole_.contains(record.phase.job); }
  bool belongs(const RemakeRecord& record) const { return whole_.contains(record.phase.job); }
  bool belongs(const AttemptRecord& record) const {
    return record.live && whole_.contains(record.phase.job) && slots_.contains({record.worker, record.slot}) &&
           std::find(what_if_.paused.begin(), what_if_.paused.end(), record.phase.job) == what_if_.paused.end();
  }
  template <class R>
  bool belongs(const R&) const {
    return true;
  }

  const FarmAsItIs& farm_;
  const WhatIf& what_if_;
  std::set<JobId> whole_;
  std::set<std::pair<WorkerId, std::uint32_t>> slots_;
};

void join_all(VirtualFarm& virtual_farm, const FarmAsItIs& farm, const WhatIf& what_if) {
  for (const WorkerRow& worker : farm.workers) {
    if (!takes_part(*worker)) continue;
    for (const SlotActivity& slot : worker->slots)
      for (const SlotActivity::Lease& lease : slot.leases)
        if (lease.steps > 0)
          virtual_farm.recall_progress(lease.attempt, lease.task,
                                       static_cast<double>(lease.step) / static_cast<double>(lease.steps));
    Inventory inventory = inventory_of(*worker);
    // What drains by its own will says so in reports alone: it finishes what it has and gets no more.
    if (worker->state != jobs::WorkerState::Up)
      for (SlotState& slot : inventory.slots) slot.usable = false;
    virtual_farm.join(worker->key, inventory);
  }
  for (const WorkerRow& worker : farm.workers) {
    if (worker->id != what_if.like) continue;
    for (std::uint32_t copy = 0; copy < what_if.copies; ++copy) {
      Inventory inventory = inventory_of(*worker);
      inventory.name += "+" + std::to_string(copy + 1);
      for (SlotState& slot : inventory.slots) slot.loaded_models.clear();
      virtual_farm.join("more " + std::to_string(copy) + " " + worker->key, inventory);
    }
  }
}

}  // namespace

bool is_whole(const Replica& replica, const JobRecord& job) {
  const auto& phases = replica.records().of<PhaseRecord>();
  for (std::uint32_t i = 0; i < job.plan->phases.size(); ++i)
    if (!phases.contains(PhaseId{job.id, i})) return false;
  return true;
}

Inventory inventory_of(const WorkerView& worker) {
  Inventory inventory;
  inventory.name = worker.name;
  inventory.version = worker.version;
  inventory.devices = worker.devices;
  for (const SlotActivity& slot : worker.slots)
    if (slot.device < worker.devices.size())
      inventory.slots.push_back({slot.index, slot.name, slot.device, slot.loaded_models, slot.usable});
  inventory.packages = worker.packages;
  inventory.roots = worker.roots;
  inventory.commands = worker.commands;
  inventory.media = worker.media;
  inventory.conditions = worker.conditions;
  inventory.command_confinement = worker.command_confinement;
  return inventory;
}

Future run_future(const FarmAsItIs& farm, const WhatIf& what_if, const Luck& luck, base::Duration horizon,
                  const std::function<bool()>& may_go_on) {
  Future future;
  DrawnDurations drawn(farm.replica.durations(), luck);
  VirtualFarm virtual_farm(farm.settings, durations_of(drawn, what_if), luck.seed);
  ReadyWatch watch(farm.replica, future);
  Beginning(farm, what_if).put(virtual_farm, watch);
  virtual_farm.watch(&watch);
  virtual_farm.begin(farm.now);
  join_all(virtual_farm, farm, what_if);
  future.stop = virtual_farm.run_until(VirtualFarm::start() + horizon, may_go_on);
  future.reached_ms = (virtual_farm.now() - VirtualFarm::start()).ms;
  future.events = virtual_farm.events();
  const auto finish_ms = static_cast<std::int64_t>(drawn.finish_seconds() * 1000);
  for (auto& [job, ready] : future.jobs) ready.in_ms += finish_ms;
  return future;
}

}  // namespace framemill::forecast
