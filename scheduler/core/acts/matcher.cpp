#include "scheduler/core/acts/matcher.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/chunking.h"
#include "scheduler/core/policy/publish_servers.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

struct Choice {
  SlotRef slot;
  SlotFit fit;
  TaskIndex task = 0;                    // of a share whose tasks go one by one
  std::uint32_t able = 0;                // slots that could take the class when empty
  bool avoided = false;                  // a slot would fit, but this place's tasks do not go there
  std::optional<SlotRef> worth_waiting;  // none fits now: the one to keep free
};

class Matching {
 public:
  explicit Matching(FarmState& farm) : farm_(farm) {}

  void run() {
    std::uint32_t budget = farm_.settings.grants_per_turn;
    farm_.classes_moved = false;
    while (const auto next = next_place()) {
      const auto [demand_class, place] = *next;
      if (budget == 0) {
        farm_.match_unfinished = true;
        return;
      }
      const Demand& demand = farm_.classes.of(demand_class);
      JobEntry& job = farm_.jobs.get(place.job);
      PhaseEntry& phase = job.phases[place.phase];
      const Choice choice = choose(demand, demand_class, job, phase, place);
      if (!choice.fit.fits() || choice.able == 0) {
        if (choice.worth_waiting) reserved_.insert(*choice.worth_waiting);
        if (!choice.avoided) {
          blocked_.insert(demand_class);
        } else {
          passed_over_[demand_class].insert(place);
          resume_.insert_or_assign(demand_class, place);
        }
        continue;
      }
      WorkerEntry& worker = farm_.workers.get(choice.slot.worker);
      const TaskRange tasks = tasks_for(job, phase, place, choice, worker);
      grant_attempt(farm_, phase, tasks, demand, worker, choice.slot.slot, choice.fit.capacity);
      if (std::exchange(farm_.classes_moved, false)) resume_.clear();
      --budget;
    }
  }

 private:
  // The first place, in the order of policy, of a class that is not blocked in this turn, and not passed over.
  std::optional<std::pair<ClassId, Place>> next_place() const {
    std::optional<std::pair<ClassId, Place>> best;
    for (const auto& [id, queue] : farm_.ready.classes()) {
      if (blocked_.contains(id)) continue;
      const auto resume = resume_.find(id);
      auto first = resume == resume_.end() ? queue.places.begin() : queue.places.upper_bound(resume->second);
      if (const auto passed = passed_over_.find(id); passed != passed_over_.end())
        while (first != queue.places.end() && passed->second.contains(first->first)) ++first;
      if (first == queue.places.end()) continue;
      if (!best || first->first < best->second) best = {id, first->first};
    }
    return best;
  }

  TaskRange tasks_for(const JobEntry& job, const PhaseEntry& phase, const Place& place, const Choice& choice,
                      const WorkerEntry& worker) const {
    if (place.share != Share::Common) return {choice.task, 1};
    TaskRange tasks = next_chunk(farm_, job, phase, choice.able, worker.device_class_of(choice.slot.slot));
    // A probe risks one task.
    const HostStanding* standing = standing_of(job, phase.plan->layer, worker.record.id);
    if (worker.record.quarantined || (standing != nullptr && standing->on_trial())) tasks.count = 1;
    return tasks;
  }

  // The first task of the place that the worker may have. In one turn tasks only leave a share, so the search goes on
  // where it ended.
  std::optional<TaskIndex> task_there(const JobEntry& job, const PhaseEntry& phase, const Place& place, WorkerId worker,
                                      const std::vector<WorkerId>& judges) {
    const std::tuple key{phase.id, place.share, worker};
    const auto from = search_from_.find(key);
    const auto task =
        task_for(farm_, job, phase, place.share, worker, judges, from == search_from_.end() ? 0 : from->second);
    if (place.share != Share::Common) search_from_.insert_or_assign(key, task.value_or(phase.tasks.size()));
    return task;
  }

  Choice choose(const Demand& demand, ClassId demand_class, const JobEntry& job, const PhaseEntry& phase,
                const Place& place) {
    Choice choice;
    choice.fit.misfit = Misfit::BatchFull;
    std::optional<std::tuple<double, bool, bool, std::size_t>> best_rank;
    std::optional<std::uint32_t> waiting_load;
    const std::vector<SlotRef>& able = able_slots(demand_class, demand);
    choice.able = static_cast<std::uint32_t>(able.size());
    const std::vector<WorkerId> judges = judges_of(job, phase, able);
    struct {  // the slots of one worker stand together
      WorkerId worker;
      bool capped = false;
      std::optional<TaskIndex> task;
    } last;
    for (const SlotRef& ref : able) {
      if (reserved_.contains(ref)) continue;
      const WorkerEntry& worker = farm_.workers.get(ref.worker);
      const SlotEntry& slot = worker.slots.at(ref.slot);
      if (ref.worker != last.worker)
        last = {ref.worker, at_publish_cap(farm_, ref.worker), task_there(job, phase, place, ref.worker, judges)};
      if (last.capped) continue;
      const SlotFit fit = fit_now(farm_.memory, demand, worker, slot, farm_.settings.leases_per_slot_max);
      choice.avoided = choice.avoided || (fit.fits() && !last.task);
      if (!last.task) continue;
      if (!fit.fits()) {
        // Full slots become free by themselves; one that others would fill again must be kept.
        if (fit.misfit != Misfit::Occupied && fit.misfit != Misfit::MemoryBooked) continue;
        if (waiting_load && *waiting_load <= slot.load) continue;
        waiting_load = slot.load;
        choice.worth_waiting = ref;
        continue;
      }
      const double fullness = static_cast<double>(fit.load) / fit.capacity;
      const std::tuple rank{fullness, !fit.warm, phase.last_worker != ref.worker, slot.leases.size()};
      if (best_rank && !(rank < *best_rank)) continue;
      best_rank = rank;
      choice.slot = ref;
      choice.fit = fit;
      choice.task = *last.task;
    }
    // One chunk waits behind a full batch so that no gap opens between attempts, but not the last ones: another slot
    // may be free before.
    if (best_rank && choice.fit.load >= choice.fit.capacity && farm_.ready.tasks_of(demand_class) < choice.able)
      choice.fit.misfit = Misfit::BatchFull;
    if (best_rank) choice.worth_waiting.reset();
    return choice;
  }

  std::vector<WorkerId> judges_of(const JobEntry& job, const PhaseEntry& phase,
                                  const std::vector<SlotRef>& able) const {
    std::vector<WorkerId> workers;
    for (const SlotRef& ref : able)
      if (workers.empty() || workers.back() != ref.worker) workers.push_back(ref.worker);
    return judges_among(farm_, job, phase.plan->layer, workers);
  }

  const std::vector<SlotRef>& able_slots(ClassId demand_class, const Demand& demand) {
    FarmState::AbleSlots& able = farm_.able_slots[demand_class];
    if (able.as_of == farm_.workers_changed) return able.slots;
    able.as_of = farm_.workers_changed;
    able.slots.clear();
    for (const auto& [id, worker] : farm_.workers.all())
      for (const auto& [index, slot] : worker.slots)
        if (standing_misfit(farm_.memory, demand, worker, slot) == Misfit::None) able.slots.push_back({id, index});
    return able.slots;
  }

  FarmState& farm_;
  std::set<ClassId> blocked_;
  std::map<ClassId, std::set<Place>> passed_over_;
  std::map<ClassId, Place> resume_;  // the last that was passed over: all before it were, too
  std::map<std::tuple<PhaseId, Share, WorkerId>, TaskIndex> search_from_;
  std::set<SlotRef> reserved_;
};

}  // namespace

void match(FarmState& farm) {
  if (!farm.match_wanted && !farm.match_unfinished) return;
  farm.match_wanted = false;
  farm.match_unfinished = false;
  Matching(farm).run();
}

}  // namespace framemill::scheduler
