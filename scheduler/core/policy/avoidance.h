// Which worker may have which task of a layer at the moment: the questions of the matcher and of the answers to people.
// Nothing here changes the farm; what the ends of attempts change is in standings.h.
#pragma once

#include <optional>
#include <utility>
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
// Of the workers that could do the layer's work, in `able`, those that are not set aside: they could tell whose fault a
// failure is.
std::vector<WorkerId> judges_among(const FarmState& farm, const JobEntry& job, std::uint32_t layer,
                                   const std::vector<WorkerId>& able);
// The same, listed only when somebody asks, which few do: it walks all workers.
class Judges {
 public:
  Judges(const FarmState& farm, const JobEntry& job, std::uint32_t layer, ClassId demand_class)
      : farm_(&farm), job_(&job), layer_(layer), class_(demand_class) {}
  explicit Judges(std::vector<WorkerId> judges) : listed_(std::move(judges)) {}
  const std::vector<WorkerId>& all() const;

 private:
  const FarmState* farm_ = nullptr;
  const JobEntry* job_ = nullptr;
  std::uint32_t layer_ = 0;
  ClassId class_ = 0;
  mutable std::optional<std::vector<WorkerId>> listed_;
};
// Of one task.
Avoidance task_avoidance(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task,
                         WorkerId worker, const Judges& judges);
// The first task of the grouping, from `from` on, that the worker may have now. Common: any, 0 stands for it.
std::optional<TaskIndex> task_for(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                  Grouping grouping, WorkerId worker, const Judges& judges, TaskIndex from);
// Ready tasks are there, and every worker that could take them is set aside.
bool all_aside(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase);
// Why and since when the layer is held, if it is.
std::optional<StuckLayer> stuck_layer(const FarmState& farm, const JobEntry& job, std::uint32_t layer);

}  // namespace framemill::scheduler
