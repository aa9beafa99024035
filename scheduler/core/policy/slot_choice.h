// The best slot for the work of one place, found in the order in which each group keeps its slots (state/slot_groups.h):
// what is looked at is one slot of each kind of emptiness, not each slot. Slots that this work avoids are passed one by
// one.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "scheduler/core/policy/slot_fit.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// What a slot answers to work of one request class. The planner takes a yes; a no carries its reason to people.
class SlotAnswers {
 public:
  // `able`: slots that could take the class when empty.
  SlotAnswers(const FarmState& farm, ClassId demand_class, std::size_t able);
  // For a slot whose standing answer is None (slot_fit.h).
  SlotFit now(const WorkerEntry& worker, const SlotEntry& slot) const;
  // The same for one that does not hold the class's model, where it is known what its device has booked.
  SlotFit now(const WorkerEntry& worker, const SlotEntry& slot, std::uint64_t bytes_booked) const;
  const Demand& demand() const { return demand_; }

 private:
  SlotFit with_queue(SlotFit fit) const;

  const FarmState& farm_;
  const Demand& demand_;
  bool waits_for_a_slot_ = false;  // fewer tasks than slots: none of them waits behind a full batch
};

class SlotChoice {
 public:
  using Reservations = std::map<SlotRef, Place>;
  // The first task of the place that the worker may have now; none: all of them avoid it.
  using TaskThere = std::function<std::optional<TaskIndex>(WorkerId)>;

  // Looks; the answers are below. `reserved`: slots that are kept free for others.
  SlotChoice(const FarmState& farm, const PhaseEntry& phase, ClassId demand_class, const Reservations& reserved,
             TaskThere task_there);

  struct Best {
    SlotRef slot;
    SlotFit fit;
    TaskIndex task = 0;  // of a grouping whose tasks go one by one
  };
  const std::optional<Best>& best() const { return best_; }
  bool avoided() const { return avoided_; }  // a slot would fit, but this place's tasks do not go there
  // None fits now: the one to keep free.
  std::optional<SlotRef> worth_waiting() const { return best_ || queues_ ? std::nullopt : worth_waiting_; }

 private:
  // Where the search goes on in a group: at the next slot, or the next that is fuller; Full: the same, because the slot's
  // batch is full.
  enum class Next { Slot, Room, Full, Nothing };
  // Of two slots that fit: the emptier one, then one that has the model, then where the chain's last commit came from
  // (it has the carry at hand), then the one with fewer leases, then the first. The smaller is the better.
  using Preference = std::tuple<double, bool, bool, std::size_t, SlotRef>;

  void look_at_last_worker();
  void look_within(const std::vector<SlotRef>& slots);
  void look_at(WorkerId worker, const SlotEntry& slot);
  void walk(const SlotsByRoom& rooms, std::uint32_t most, bool with_model);
  Next look(const SlotRoom& room, bool with_model);
  Next take(const SlotRoom& room, const SlotFit& fit, const SlotEntry& slot, TaskIndex task);
  bool is_perfect() const { return best_ && best_->fit.load == 0 && (best_->fit.warm || !has_model_); }

  const FarmState& farm_;
  const PhaseEntry& phase_;
  const ShareId share_;
  const FarmState::AbleGroups& able_;
  const Reservations& reserved_;
  const TaskThere task_there_;
  const SlotAnswers answers_;
  const bool has_model_;
  std::optional<Best> best_;
  Preference best_preference_;
  std::optional<SlotRef> worth_waiting_;
  std::uint32_t waiting_load_ = 0;
  bool avoided_ = false, queues_ = false;
};

// A slot of some group might take the class: one that is not closed to everything that asks as little as it does.
bool has_open_slot(const FarmState& farm, ClassId demand_class);

}  // namespace framemill::scheduler
