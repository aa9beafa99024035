#include "scheduler/core/acts/holding.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

auto key_of(const Hold& hold) {
  return std::tie(hold.kind, hold.placed.principal);
}

bool ends_by_itself(const Hold& hold) {
  return hold.until.unix_ms != 0;
}

void watch_clock(FarmState& farm, const JobEntry& job) {
  for (const Hold& hold : job.record.holds)
    if (ends_by_itself(hold)) farm.timed_holds.add(hold.until, job.record.id, farm.turn.now);
}

// Between this and watch_clock() its holds may be changed.
void leave_clock(FarmState& farm, const JobEntry& job) {
  for (const Hold& hold : job.record.holds)
    if (ends_by_itself(hold)) farm.timed_holds.erase(hold.until, job.record.id, farm.turn.now);
}

void after_lifting(FarmState& farm, JobEntry& job) {
  watch_clock(farm, job);
  farm.turn.mark(job);
  farm.turn.touch(job);
  if (!job.is_held()) enqueue(farm, job);
}

void end_due(FarmState& farm, JobEntry& job) {
  std::vector<Hold> over;
  leave_clock(farm, job);
  std::erase_if(job.record.holds, [&](const Hold& hold) {
    const bool due = ends_by_itself(hold) && hold.until <= farm.turn.now.wall;
    if (due) over.push_back(hold);
    return due;
  });
  for (const Hold& hold : over) {
    const Cause cause{"scheduler", farm.turn.now.wall,
                      fmt::format("the {} of {} is over", jobs::name(hold.kind), hold.placed.principal)};
    if (!job.is_held()) job.record.last_change = cause;
    audit(farm, cause, "hold_over", fmt::format("job {}", job.record.id.value));
  }
  after_lifting(farm, job);
}

}  // namespace

base::Status place_hold(FarmState& farm, JobEntry& job, Hold hold) {
  if (ends_by_itself(hold) && hold.until <= farm.turn.now.wall)
    return base::error_of(Refusal::JobHoldIsOver, "a hold has to end in the future", "until");
  auto& holds = job.record.holds;
  const auto place =
      std::find_if(holds.begin(), holds.end(), [&](const Hold& other) { return !(key_of(other) < key_of(hold)); });
  const bool is_known = place != holds.end() && key_of(*place) == key_of(hold);
  if (!is_known && holds.size() >= kHoldsMax)
    return base::error_of(Refusal::JobTooManyHolds, fmt::format("the job has {} holds already", kHoldsMax), "job",
                          "lift one of them");
  dequeue(farm, job);
  leave_clock(farm, job);
  if (is_known) {
    hold.placed.time = place->placed.time;
    *place = std::move(hold);
  } else {
    holds.insert(place, std::move(hold));
  }
  farm.turn.mark(job);
  watch_clock(farm, job);
  return {};
}

void lift_holds(FarmState& farm, JobEntry& job, jobs::HoldKind kind) {
  leave_clock(farm, job);
  std::erase_if(job.record.holds, [&](const Hold& hold) { return hold.kind == kind; });
  after_lifting(farm, job);
}

void end_due_holds(FarmState& farm) {
  if (farm.read_only || farm.timed_holds.next_look() > farm.now()) return;
  while (!farm.timed_holds.all().empty() && farm.timed_holds.all().begin()->first <= farm.turn.now.wall)
    end_due(farm, farm.jobs.get(farm.timed_holds.first()));
  farm.timed_holds.look_soon(farm.turn.now);
}

void forget_holds(FarmState& farm, const JobEntry& job) {
  leave_clock(farm, job);
}

void recall_holds(FarmState& farm) {
  for (auto& [id, job] : farm.jobs.all()) watch_clock(farm, job);
  farm.timed_holds.look_after_restart(farm.turn.now);
}

}  // namespace framemill::scheduler
