// Which work goes to which slot: greedy in the queue's order (queue_order.h), breadth first over the slots, with one
// reservation for each class that can only wait. The planner decides and changes nothing: a placement is a value that
// another carries out (acts/matcher.h), after which the planner looks at the farm again. It lives for one turn.
//
// Views ask it, too: what it would not place now, and which slots it keeps free, is what explain tells.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/giving_way.h"
#include "scheduler/core/policy/queue_order.h"
#include "scheduler/core/policy/slot_choice.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// One lease that should be granted, and why there: the slot's answer, with which it was the best of all.
struct Placement {
  Place place;
  ClassId demand_class = 0;
  TaskRange tasks;
  SlotRef slot;
  SlotFit fit;                          // where it takes no place of others
  std::optional<AttemptId> instead_of;  // gives back what it has not begun first (giving_way.h)
};

class Planner {
 public:
  explicit Planner(const FarmState& farm) : farm_(farm), class_moves_(farm.class_moves) {}
  // In a turn that should not take longer than `is_over` allows: it goes on where the last one stopped.
  Planner(const FarmState& farm, std::function<bool()> is_over)
      : farm_(farm), resume_(farm.passed_over), class_moves_(farm.class_moves), is_over_(std::move(is_over)) {}

  // The next lease to grant, as the farm is now. Nothing: no other work can be placed.
  std::optional<Placement> next();
  // Work is left that was not tried yet, or goes on after a placement.
  bool has_more();
  // The time was over before all work was tried; and where the next pass goes on then.
  bool was_cut() const { return was_cut_; }
  using LineId = std::pair<ClassId, ShareId>;
  using PassedOver = std::map<LineId, ReadyQueue::Ranked>;
  const PassedOver& passed_over() const { return resume_; }
  // The work for which the slot was kept free so far, if it was.
  const Place* kept_free_for(const SlotRef& slot) const;

 private:
  struct Work {  // the first of a class and a share
    ClassId demand_class = 0;
    ShareId share;
    const ReadyQueue::Ranked* first = nullptr;
    bool is_closed = false;  // no slot takes the class: others would have to give way
  };
  ReadyQueue::Line::const_iterator first_not_passed_over(const LineId& name, const ReadyQueue::Line& line) const;
  std::optional<Work> first_of(ShareId share);
  bool is_closed(ClassId demand_class);
  bool may_displace_any(const Place& place) const;
  bool is_limited(ClassId demand_class) const;
  std::optional<Displacement> displacement(const PhaseEntry& phase, ClassId demand_class,
                                           const SlotChoice::TaskThere& task_there);
  void notice_class_moves();
  std::optional<Work> next_work();
  TaskRange tasks_for(const Place& place, TaskIndex task, SlotRef slot, std::uint32_t able) const;
  std::optional<TaskIndex> task_there(const JobEntry& job, const PhaseEntry& phase, const Place& place, WorkerId worker,
                                      const Judges& judges);

  const FarmState& farm_;
  std::set<ClassId> closed_;  // no slot takes them in this turn any more
  std::set<LineId> over_;     // lines of closed classes that were tried
  std::set<ShareId> idle_;    // nodes of shares below which nothing is left to try
  std::uint32_t displacements_left_ = 64;
  std::map<LineId, std::set<ReadyQueue::Ranked>> passed_over_;
  PassedOver resume_;              // the last that was passed over: all before it were, too
  std::uint64_t class_moves_ = 0;  // when resume_ was right
  std::function<bool()> is_over_;
  bool was_cut_ = false;
  std::map<std::tuple<PhaseId, Grouping, WorkerId>, TaskIndex> search_from_;
  SlotChoice::Reservations reserved_;
  std::map<ShareId, std::vector<AttemptId>> displaceable_;  // of whom somebody asked in this turn
};

}  // namespace framemill::scheduler
