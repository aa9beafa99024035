#include "scheduler/core/policy/planner.h"

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

std::vector<WorkerId> judges_of(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                const std::vector<SlotRef>& able) {
  std::vector<WorkerId> workers;
  for (const SlotRef& ref : able)
    if (workers.empty() || workers.back() != ref.worker) workers.push_back(ref.worker);
  return judges_among(farm, job, phase.plan->layer, workers);
}

}  // namespace

std::vector<SlotRef> slots_able(const FarmState& farm, ClassId demand_class) {
  std::vector<SlotRef> able;
  const Demand& demand = farm.classes.of(demand_class);
  for (const auto& [id, worker] : farm.workers.all())
    for (const auto& [index, slot] : worker.slots)
      if (standing_misfit(farm.memory, demand, worker, slot) == PlacementBlocker::None) able.push_back({id, index});
  return able;
}

SlotAnswers::SlotAnswers(const FarmState& farm, ClassId demand_class, std::size_t able)
    : farm_(farm), demand_(farm.classes.of(demand_class)), waits_for_a_slot_(farm.ready.tasks_of(demand_class) < able) {
}

SlotFit SlotAnswers::now(const WorkerEntry& worker, const SlotEntry& slot) const {
  SlotFit fit = fit_now(farm_.memory, demand_, worker, slot, farm_.settings.leases_per_slot_max);
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
    if (choice.placement) return choice.placement;
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

Planner::Choice Planner::choose(const Place& place, ClassId demand_class) {
  Choice choice;
  const JobEntry& job = farm_.jobs.get(place.job);
  const PhaseEntry& phase = job.phases[place.phase];
  const std::vector<SlotRef>& able = able_slots(demand_class);
  const std::vector<WorkerId> judges = judges_of(farm_, job, phase, able);
  const SlotAnswers answers(farm_, demand_class, able.size());
  struct {  // the slots of one worker stand together
    WorkerId worker;
    const WorkerEntry* entry = nullptr;
    bool capped = false;
    std::optional<TaskIndex> task;
  } last;
  struct Best {
    SlotRef slot;
    SlotFit fit;
    TaskIndex task = 0;  // of a grouping whose tasks go one by one
  };
  std::optional<Best> best;
  decltype(preference(SlotFit{}, phase, SlotRef{}, SlotEntry{})) best_preference;
  std::optional<std::uint32_t> waiting_load;
  bool queues = false;
  for (const SlotRef& ref : able) {
    if (reserved_.contains(ref)) continue;
    if (ref.worker != last.worker)
      last = {ref.worker, &farm_.workers.get(ref.worker), at_publish_cap(farm_, ref.worker),
              task_there(job, phase, place, ref.worker, judges)};
    if (last.capped) continue;
    const SlotEntry& slot = last.entry->slots.at(ref.slot);
    const SlotFit fit = answers.now(*last.entry, slot);
    choice.avoided = choice.avoided || ((fit.fits() || fit.queues) && !last.task);
    if (!last.task) continue;
    queues = queues || fit.queues;
    if (!fit.fits()) {
      // Full slots become free by themselves; one that others would fill again must be kept.
      if (fit.blocker != PlacementBlocker::Occupied && fit.blocker != PlacementBlocker::MemoryBooked) continue;
      if (waiting_load && *waiting_load <= slot.load) continue;
      waiting_load = slot.load;
      choice.worth_waiting = ref;
      continue;
    }
    const auto its_preference = preference(fit, phase, ref, slot);
    if (best && !(its_preference < best_preference)) continue;
    best_preference = its_preference;
    best = {ref, fit, *last.task};
  }
  if (best || queues) choice.worth_waiting.reset();
  if (best)
    choice.placement = {place, demand_class,
                        tasks_for(place, best->task, best->slot, static_cast<std::uint32_t>(able.size())), best->slot,
                        best->fit};
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

const std::vector<SlotRef>& Planner::able_slots(ClassId demand_class) {
  FarmState::AbleSlots& able = able_slots_[demand_class];
  if (able.as_of == farm_.workers_changed) return able.slots;
  able.as_of = farm_.workers_changed;
  able.slots = slots_able(farm_, demand_class);
  return able.slots;
}

const Place* Planner::kept_free_for(const SlotRef& slot) const {
  const auto reserved = reserved_.find(slot);
  return reserved == reserved_.end() ? nullptr : &reserved->second;
}

}  // namespace framemill::scheduler
