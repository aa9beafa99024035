#include "scheduler/core/matcher.h"

#include <algorithm>
#include <tuple>

#include "scheduler/core/attempts.h"
#include "scheduler/core/chunking.h"
#include "scheduler/core/publishing.h"
#include "scheduler/core/slot_fit.h"

namespace framemill::scheduler {
namespace {

struct Choice {
  SlotRef slot;
  SlotFit fit;
  std::uint32_t able = 0;                // slots that could take the class when empty
  std::optional<SlotRef> worth_waiting;  // none fits now: the one to keep free
};

// Deaths of the task, while alone, on that worker: it is tried elsewhere first.
std::uint32_t deaths_on(const PhaseEntry& phase, const Place& place, WorkerId worker) {
  if (place.share != Share::Alone) return 0;
  for (const auto& [task, trouble] : phase.troubles)
    if (trouble.bucket == Bucket::Alone)
      return static_cast<std::uint32_t>(
          std::count(trouble.record.lone_deaths.begin(), trouble.record.lone_deaths.end(), worker));
  return 0;
}

class Matching {
 public:
  explicit Matching(FarmState& farm) : farm_(farm) {}

  void run() {
    std::uint32_t budget = farm_.settings.grants_per_turn;
    while (const auto next = next_place()) {
      const auto [demand_class, place] = *next;
      if (budget == 0) {
        farm_.match_unfinished = true;
        return;
      }
      const Demand& demand = farm_.classes.of(demand_class);
      JobEntry& job = *farm_.jobs.find(place.job);
      PhaseEntry& phase = job.phases[place.phase];
      const Choice choice = choose(demand, demand_class, phase, place);
      if (!choice.fit.fits() || choice.able == 0) {
        blocked_.insert(demand_class);
        if (choice.worth_waiting) reserved_.insert(*choice.worth_waiting);
        continue;
      }
      WorkerEntry& worker = *farm_.workers.find(choice.slot.worker);
      const TaskRange tasks =
          next_chunk(farm_, job, phase, place.share, choice.able, worker.device_class_of(choice.slot.slot));
      grant_attempt(farm_, phase, tasks, demand, worker, choice.slot.slot, choice.fit.capacity);
      --budget;
    }
  }

 private:
  // The first place, in the order of policy, of a class that is not blocked in this turn.
  std::optional<std::pair<ClassId, Place>> next_place() const {
    std::optional<std::pair<ClassId, Place>> best;
    for (const auto& [id, queue] : farm_.ready.classes()) {
      if (blocked_.contains(id)) continue;
      const Place& first = queue.places.begin()->first;
      if (!best || first < best->second) best = {id, first};
    }
    return best;
  }

  Choice choose(const Demand& demand, ClassId demand_class, const PhaseEntry& phase, const Place& place) {
    Choice choice;
    choice.fit.misfit = Misfit::BatchFull;
    std::optional<std::tuple<std::uint32_t, double, bool, bool, std::size_t>> best_rank;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> waiting_rank;
    const std::vector<SlotRef>& able = able_slots(demand_class, demand);
    choice.able = static_cast<std::uint32_t>(able.size());
    struct {  // the slots of one worker stand together
      WorkerId worker;
      bool capped = false;
    } last;
    for (const SlotRef& ref : able) {
      if (reserved_.contains(ref)) continue;
      const WorkerEntry& worker = *farm_.workers.find(ref.worker);
      const SlotEntry& slot = worker.slots.at(ref.slot);
      if (ref.worker != last.worker) last = {ref.worker, at_publish_cap(farm_, ref.worker)};
      if (last.capped) continue;
      const SlotFit fit = fit_now(farm_.memory, demand, worker, slot, farm_.settings.leases_per_slot_max);
      const std::uint32_t deaths = deaths_on(phase, place, ref.worker);
      if (!fit.fits()) {
        // Full slots become free by themselves; one that others would fill again must be kept.
        if (fit.misfit != Misfit::Occupied && fit.misfit != Misfit::MemoryBooked) continue;
        const std::pair rank{deaths, slot.load};
        if (!waiting_rank || rank < *waiting_rank) {
          waiting_rank = rank;
          choice.worth_waiting = ref;
        }
        continue;
      }
      const double fullness = static_cast<double>(fit.load) / fit.capacity;
      const std::tuple rank{deaths, fullness, !fit.warm, phase.last_worker != ref.worker, slot.leases.size()};
      if (best_rank && !(rank < *best_rank)) continue;
      best_rank = rank;
      choice.slot = ref;
      choice.fit = fit;
    }
    // One chunk waits behind a full batch so that no gap opens between attempts, but not the last ones: another slot
    // may be free before.
    if (best_rank && choice.fit.load >= choice.fit.capacity && farm_.ready.tasks_of(demand_class) < choice.able)
      choice.fit.misfit = Misfit::BatchFull;
    if (best_rank) choice.worth_waiting.reset();
    return choice;
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
  std::set<SlotRef> reserved_;
};

}  // namespace

void match(FarmState& farm) {
  if (!farm.match_wanted && !farm.match_unfinished) return;
  farm.match_wanted = false;
  farm.match_unfinished = false;
  Matching(farm).run();
}

std::uint32_t slots_for(const FarmState& farm, const Demand& demand) {
  std::uint32_t able = 0;
  for (const auto& [id, worker] : farm.workers.all())
    for (const auto& [index, slot] : worker.slots)
      if (worker.takes_grants() && standing_misfit(farm.memory, demand, worker, slot) == Misfit::None) ++able;
  return able;
}

}  // namespace framemill::scheduler
