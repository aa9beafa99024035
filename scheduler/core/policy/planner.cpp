#include "scheduler/core/policy/planner.h"

#include <algorithm>

#include "scheduler/core/policy/able_slots.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/chunking.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

// Of two slots that fit: the emptier one, then one that has the model, then where the phase's last commit came from (in
// a chain it has the carry at hand), then the one with fewer leases. The smaller is the better; of equal ones the first.
auto preference(const SlotFit& fit, const PhaseEntry& phase, const SlotRef& ref, const SlotEntry& slot) {
  return std::tuple{static_cast<double>(fit.load) / fit.capacity, !fit.warm, phase.last_worker != ref.worker,
                    slot.leases.size()};
}

// Full slots become free by themselves; one that others would fill again must be kept.
bool is_worth_waiting_for(const SlotFit& fit) {
  return fit.blocker == PlacementBlocker::Occupied || fit.blocker == PlacementBlocker::MemoryBooked;
}

bool is_open(const SlotFit& fit) {
  return fit.fits() || is_worth_waiting_for(fit);
}

}  // namespace

SlotAnswers::SlotAnswers(const FarmState& farm, ClassId demand_class, std::size_t able)
    : farm_(farm), demand_(farm.classes.of(demand_class)), waits_for_a_slot_(farm.ready.tasks_of(demand_class) < able) {
}

SlotFit SlotAnswers::fit(const WorkerEntry& worker, const SlotEntry& slot) const {
  return fit_now(farm_.memory, demand_, worker, slot, farm_.settings.leases_per_slot_max);
}

SlotFit SlotAnswers::of(SlotFit fit) const {
  // One chunk waits behind a full batch so that no gap opens between attempts, but not the last ones: another slot may
  // be free before.
  fit.queues = fit.fits() && fit.load >= fit.capacity && waits_for_a_slot_;
  if (fit.queues) fit.blocker = PlacementBlocker::BatchFull;
  return fit;
}

// A grant pins a variant: its places went to other classes, where they may stand before those that were passed over.
void Planner::notice_class_moves() {
  if (class_moves_ != farm_.class_moves) resume_.clear();
  class_moves_ = farm_.class_moves;
}

bool Planner::has_more() {
  notice_class_moves();
  return next_work().has_value();
}

std::optional<Placement> Planner::next() {
  notice_class_moves();
  while (const auto work = next_work()) {
    const ClassId demand_class = work->demand_class;
    const ReadyQueue::Ranked first = *work->candidate.first;
    Choice choice = choose(first.place, demand_class);
    if (choice.placement) {
      placed_on_.push_back(choice.placement->slot.worker);
      return choice.placement;
    }
    if (choice.worth_waiting) reserved_.emplace(*choice.worth_waiting, first.place);
    if (!choice.avoided) {
      blocked_.insert(demand_class);
    } else {
      passed_over_[{demand_class, work->candidate.share}].insert(first);
      resume_.insert_or_assign({demand_class, work->candidate.share}, first);
    }
  }
  return std::nullopt;
}

// The first, in the order of policy, of a class that is not blocked in this turn, and not passed over.
std::optional<Planner::Work> Planner::next_work() const {
  std::optional<Work> best;
  for (const auto& [id, queue] : farm_.ready.classes()) {
    if (blocked_.contains(id)) continue;
    for (const auto& [share, line] : queue.shares) {
      const LineId name{id, share};
      const auto resume = resume_.find(name);
      auto first = resume == resume_.end() ? line.begin() : line.upper_bound(resume->second);
      if (const auto passed = passed_over_.find(name); passed != passed_over_.end())
        while (first != line.end() && passed->second.contains(first->first)) ++first;
      if (first == line.end()) continue;
      const QueueOrder::Candidate candidate{share, &first->first};
      if (!best || order_.goes_before(candidate, best->candidate)) best = {id, candidate};
    }
  }
  return best;
}

const Planner::ClassFits& Planner::fits_of(ClassId demand_class, const FarmState::AbleSlots& able,
                                           const SlotAnswers& answers) {
  ClassFits& fits = fits_[demand_class];
  const auto look = [&](std::size_t w) {
    const FarmState::AbleWorker& worker = able.workers[w];
    bool open = false;
    for (std::size_t s = worker.first_slot; s < worker.slots_end; ++s) {
      fits.slots[s] = answers.fit(*worker.entry, *able.slots[s].entry);
      open = open || is_open(fits.slots[s]);
    }
    fits.open[w] = open;
  };
  if (fits.as_of != able.as_of) {
    fits.as_of = able.as_of;
    fits.slots.resize(able.slots.size());
    fits.open.resize(able.workers.size());
    for (std::size_t w = 0; w < able.workers.size(); ++w) look(w);
    fits.placements_seen = placed_on_.size();
  }
  for (; fits.placements_seen < placed_on_.size(); ++fits.placements_seen) {
    const WorkerId id = placed_on_[fits.placements_seen];
    const auto at = std::lower_bound(able.worker_ids.begin(), able.worker_ids.end(), id);
    if (at != able.worker_ids.end() && *at == id) look(static_cast<std::size_t>(at - able.worker_ids.begin()));
  }
  return fits;
}

Planner::Choice Planner::choose(const Place& place, ClassId demand_class) {
  Choice choice;
  const JobEntry& job = farm_.jobs.get(place.job);
  const PhaseEntry& phase = job.phases[place.phase];
  const FarmState::AbleSlots& able = able_slots(farm_, demand_class);
  const SlotAnswers answers(farm_, demand_class, able.slots.size());
  const ClassFits& fits = fits_of(demand_class, able, answers);
  std::vector<WorkerId> judges;  // they are asked about single tasks alone
  if (place.grouping != Grouping::Common) judges = judges_among(farm_, job, phase.plan->layer, able.worker_ids);
  struct Best {
    SlotRef slot;
    SlotFit fit;
    TaskIndex task = 0;  // of a grouping whose tasks go one by one
  };
  std::optional<Best> best;
  decltype(preference(SlotFit{}, phase, SlotRef{}, SlotEntry{})) best_preference;
  std::optional<std::uint32_t> waiting_load;
  bool queues = false;
  for (std::size_t w = 0; w < able.workers.size(); ++w) {
    if (!fits.open[w]) continue;
    const FarmState::AbleWorker& worker = able.workers[w];
    const WorkerId id = worker.entry->record.id;
    if (at_publish_cap(farm_, id)) continue;
    const std::optional<TaskIndex> task = task_there(job, phase, place, id, judges);
    for (std::size_t s = worker.first_slot; s < worker.slots_end; ++s) {
      const auto& [ref, slot] = able.slots[s];
      if (!is_open(fits.slots[s]) || reserved_.contains(ref)) continue;
      const SlotFit fit = answers.of(fits.slots[s]);
      choice.avoided = choice.avoided || ((fit.fits() || fit.queues) && !task);
      if (!task) continue;
      queues = queues || fit.queues;
      if (!fit.fits()) {
        if (!is_worth_waiting_for(fit) || (waiting_load && *waiting_load <= slot->load)) continue;
        waiting_load = slot->load;
        choice.worth_waiting = ref;
        continue;
      }
      const auto its_preference = preference(fit, phase, ref, *slot);
      if (best && !(its_preference < best_preference)) continue;
      best_preference = its_preference;
      best = {ref, fit, *task};
    }
  }
  if (best || queues) choice.worth_waiting.reset();
  if (best)
    choice.placement = {place, demand_class,
                        tasks_for(place, best->task, best->slot, static_cast<std::uint32_t>(able.slots.size())),
                        best->slot, best->fit};
  return choice;
}

TaskRange Planner::tasks_for(const Place& place, TaskIndex task, SlotRef slot, std::uint32_t able) const {
  if (place.grouping != Grouping::Common) return {task, 1};
  const JobEntry& job = farm_.jobs.get(place.job);
  const PhaseEntry& phase = job.phases[place.phase];
  const WorkerEntry& worker = farm_.workers.get(slot.worker);
  TaskRange tasks = next_chunk(farm_, job, phase, able, worker.device_class_of(slot.slot));
  // A probe risks one task.
  const HostStanding* standing = standing_of(job, phase.plan->layer, slot.worker);
  if (worker.record.quarantined || (standing != nullptr && standing->on_trial())) tasks.count = 1;
  return tasks;
}

// The first task of the place that the worker may have. In one turn tasks only leave a grouping, so the search goes on
// where it ended.
std::optional<TaskIndex> Planner::task_there(const JobEntry& job, const PhaseEntry& phase, const Place& place,
                                             WorkerId worker, const std::vector<WorkerId>& judges) {
  if (place.grouping == Grouping::Common) return task_for(farm_, job, phase, place.grouping, worker, judges, 0);
  const std::tuple key{phase.id, place.grouping, worker};
  const auto from = search_from_.find(key);
  const auto task =
      task_for(farm_, job, phase, place.grouping, worker, judges, from == search_from_.end() ? 0 : from->second);
  search_from_.insert_or_assign(key, task.value_or(phase.tasks.size()));
  return task;
}

const Place* Planner::kept_free_for(const SlotRef& slot) const {
  const auto reserved = reserved_.find(slot);
  return reserved == reserved_.end() ? nullptr : &reserved->second;
}

}  // namespace framemill::scheduler
