// Which worker may have which task of a layer at the moment: the questions of the matcher and of the answers to people.
// Nothing here changes the farm; what the ends of attempts change is in standings.h.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

struct Avoidance {
  enum class Why : std::uint8_t {
    None,
    BackOff,    // it gave the layer's work back; until `until`
    Unseen,     // an input of the task was not to be seen there; until `until`
    Aside,      // it gets no more of the layer; the next probe is at `until`
    OnTrial,    // an attempt there is to show first that it can do the layer's work
    Elsewhere,  // the task failed there, and others have not tried it as often
  };
  Why why = Why::None;
  base::Instant until{INT64_MIN};
  const HostStanding* standing = nullptr;  // of the layer there; none for Unseen and Elsewhere
  bool none() const { return why == Why::None; }
};

const HostStanding* standing_of(const JobEntry& job, std::uint32_t layer, WorkerId worker);
// Of any of the layer's tasks.
Avoidance layer_avoidance(const FarmState& farm, const JobEntry& job, std::uint32_t layer, WorkerId worker);
// Of one task. `judges`: those that could tell whose fault it is.
Avoidance task_avoidance(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task,
                         WorkerId worker, const std::vector<WorkerId>& judges);
// Usable slots that could take the class when empty: what chunk sizes and the time to the end reckon with.
std::uint32_t slots_for(const FarmState& farm, const Demand& demand);
// Workers with a slot that could take the class when empty, ascending; in `judges` without those that are set aside.
std::vector<WorkerId> able_workers(const FarmState& farm, const Demand& demand);
std::vector<WorkerId> judges_among(const FarmState& farm, const JobEntry& job, std::uint32_t layer,
                                   const std::vector<WorkerId>& able);
// The first task of the grouping, from `from` on, that the worker may have now. Common: any, 0 stands for it.
std::optional<TaskIndex> task_for(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                  Grouping grouping, WorkerId worker, const std::vector<WorkerId>& judges,
                                  TaskIndex from);
// Ready tasks are there, and every worker that could take them is set aside.
bool all_aside(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase);
// Why and since when the layer is held, if it is.
std::optional<StuckLayer> stuck_layer(const FarmState& farm, const JobEntry& job, std::uint32_t layer);

}  // namespace framemill::scheduler
