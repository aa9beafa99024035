// What holds ready work back though slots are there: a limit that is used up, or the cap of a share. One answer for explain and for the
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
// Of a request class of a share; nothing: its ready tasks are held back by the slots alone.
std::optional<Throttle> throttle_of(const FarmState& farm, ClassId demand_class, ShareId share);
// Of the phase's ready tasks.
std::optional<Throttle> throttle_of(const FarmState& farm, const PhaseEntry& phase);
ClassId class_of_ready(const PhaseEntry& phase);  // that most of them are in; 0: there are none

// "20 of 20 in use: job 12 (14), job 13 (6)": who uses a limit, the first few.
std::string use_text(const FarmState& farm, const Limit& limit);
// "share atlas uses 40 slots, and may use 40": of a node that has a cap.
std::string cap_text(const FarmState& farm, ShareId capped);
// Slots that use the limit, by job.
std::map<JobId, std::uint32_t> users_of(const FarmState& farm, const Limit& limit);

}  // namespace framemill::scheduler
