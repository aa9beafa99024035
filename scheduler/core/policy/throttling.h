// What holds ready work back though slots are there: a limit that is used up. One answer for explain and for the
// condition beside a job's state; the planner passes over such work without a look at any slot. Reads only.
#pragma once

#include <optional>
#include <string>

#include "scheduler/core/policy/reason.h"
#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

struct Throttle {
  Reason reason = Reason::Limit;
  std::string because, remedy;  // sentences without a full stop
};
// Of a request class; nothing: no limit holds its ready tasks back.
std::optional<Throttle> throttle_of(const FarmState& farm, ClassId demand_class);
// Of the phase's ready tasks.
std::optional<Throttle> throttle_of(const FarmState& farm, const PhaseEntry& phase);
ClassId class_of_ready(const PhaseEntry& phase);  // that most of them are in; 0: there are none

// "20 of 20 in use: job 12 (14), job 13 (6)": who uses a limit, the first few.
std::string use_text(const FarmState& farm, const Limit& limit);
// Slots that use the limit, by job.
std::map<JobId, std::uint32_t> users_of(const FarmState& farm, const Limit& limit);

}  // namespace framemill::scheduler
