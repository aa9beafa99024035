// Which work goes to which slot: greedy in the queue's order (queue_order.h), breadth first over the slots, with one
// reservation for each class that can only wait. The planner decides and changes nothing: a placement is a value that
// another carries out (acts/matcher.h), after which the planner looks at the farm again. It lives for one turn.
//
// Views ask it, too: what it would not place now, and which slots it keeps free, is what explain tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "scheduler/core/policy/queue_order.h"
#include "scheduler/core/policy/slot_fit.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// One lease that should be granted, and why there: the slot's answer, with which it was the best of all.
struct Placement {
  Place place;
  ClassId demand_class = 0;
  TaskRange tasks;
  SlotRef slot;
  SlotFit fit;
};

// What a slot answers to work of one request class. The planner takes a yes; a no carries its reason to people.
class SlotAnswers {
 public:
  // `able`: slots that could take the class when empty.
  SlotAnswers(const FarmState& farm, ClassId demand_class, std::size_t able);
  // For a slot whose standing answer is None (slot_fit.h).
  SlotFit now(const WorkerEntry& worker, const SlotEntry& slot) const { return of(fit(worker, slot)); }
  // In two steps: what a grant elsewhere leaves as it is, and the answer that it makes.
  SlotFit fit(const WorkerEntry& worker, const SlotEntry& slot) const;
  SlotFit of(SlotFit fit) const;

 private:
  const FarmState& farm_;
  const Demand& demand_;
  bool waits_for_a_slot_ = false;  // fewer tasks than slots: none of them waits behind a full batch
};

class Planner {
 public:
  explicit Planner(const FarmState& farm) : farm_(farm) {}

  // The next lease to grant, as the farm is now. Nothing: no other work can be placed.
  std::optional<Placement> next();
  bool has_more();  // work is left that was not tried yet, or goes on after a placement
  // The work for which the slot was kept free so far, if it was.
  const Place* kept_free_for(const SlotRef& slot) const;

 private:
  struct Work {  // the first of a class and a share
    ClassId demand_class = 0;
    QueueOrder::Candidate candidate;
  };
  struct Choice {
    std::optional<Placement> placement;
    bool avoided = false;                  // a slot would fit, but this place's tasks do not go there
    std::optional<SlotRef> worth_waiting;  // none fits now: the one to keep free
  };
  // How the slots that could take a class stand in this turn. A placement changes those of one worker, so after it only
  // these are looked at again.
  struct ClassFits {
    std::uint64_t as_of = 0;          // of the able slots that the rest goes by
    std::vector<SlotFit> slots;       // as those
    std::vector<bool> open;           // as their workers: any slot fits, or is worth waiting for
    std::size_t placements_seen = 0;  // of this turn's
  };
  void notice_class_moves();
  std::optional<Work> next_work() const;
  Choice choose(const Place& place, ClassId demand_class);
  TaskRange tasks_for(const Place& place, TaskIndex task, SlotRef slot, std::uint32_t able) const;
  std::optional<TaskIndex> task_there(const JobEntry& job, const PhaseEntry& phase, const Place& place, WorkerId worker,
                                      const std::vector<WorkerId>& judges);
  const ClassFits& fits_of(ClassId demand_class, const FarmState::AbleSlots& able, const SlotAnswers& answers);

  const FarmState& farm_;
  QueueOrder order_;
  std::set<ClassId> blocked_;
  using LineId = std::pair<ClassId, ShareId>;
  std::map<LineId, std::set<ReadyQueue::Ranked>> passed_over_;
  std::map<LineId, ReadyQueue::Ranked> resume_;  // the last that was passed over: all before it were, too
  std::uint64_t class_moves_ = 0;                // when resume_ was right
  std::map<std::tuple<PhaseId, Grouping, WorkerId>, TaskIndex> search_from_;
  std::map<SlotRef, Place> reserved_;
  std::map<ClassId, ClassFits> fits_;
  std::vector<WorkerId> placed_on_;  // placement by placement
};

}  // namespace framemill::scheduler
