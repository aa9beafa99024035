// Attempts that live, with their leases, and the ended ones whose staging directories may hold files not yet published.
// A lease that ran out leaves its attempt alive: it ends when another attempt commits, at a cancel or a hold, or
// revives when its worker reports it again before that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/task_states.h"

namespace framemill::scheduler {

struct Lease {
  AttemptRecord record;
  Demand demand;           // what it was granted for
  std::uint32_t left = 0;  // tasks of it that are not committed
  bool chain = false;      // its tasks run one after the other
  bool expired = false;
  bool has_expired = false;   // expired at least once, so another attempt may hold its tasks too
  std::uint32_t windows = 1;  // booked in memory: at most these run at once
  base::Instant granted_at;   // or put back by a restart
  base::Instant named_at;     // granted, or last named by a report of its worker
  base::Instant moved_at;     // granted, or last shown to have made progress
  base::Instant deadline;     // moves with each report that names it, while it makes progress
  base::Instant timer;        // where the book's timer for it stands: at or before the deadline
  AttemptRunning activity;    // as last reported
  ShareId share;              // that it is charged to
  double charged = 0;         // to its share so far: an estimate, or what was reported if that is more; scaled
  double device_weight = 1;   // that it was charged at
  bool dirty = false;

  // Tasks that can run at the same time.
  std::uint32_t parallel() const { return chain ? (left > 0 ? 1u : 0u) : left; }
};

struct EndedAttempt {  // remembered while tasks of its range are committed and not yet published
  PhaseId phase;
  TaskRange tasks;
  WorkerId worker;
};

class LeaseBook {
 public:
  Lease* find(AttemptId id);  // null: it does not live
  const Lease* find(AttemptId id) const;
  Lease& get(AttemptId id);  // of one that lives: stops where it does not (promise P8)
  const Lease& get(AttemptId id) const;
  Lease& add(Lease lease);  // its timer starts at its deadline, unless it is expired
  void erase(AttemptId id);
  const std::map<AttemptId, Lease>& live() const { return live_; }
  void rescale(double by);  // what is charged to shares

  void renew(Lease& lease, base::Instant deadline);  // revives an expired one's timer as well
  void expire(Lease& lease);                         // stops its timer
  void shift_all(base::Duration gap);                // a late turn
  base::Instant next_deadline() const;
  // One whose deadline has passed, or nothing; timers that had moved on are set right on the way.
  Lease* next_due(base::Instant now);

  void remember(AttemptId id, EndedAttempt ended);
  const EndedAttempt* remembered(AttemptId id) const;  // null: it is not
  // Ended attempts that held any of these tasks of the phase are forgotten where none of their own waits for its name any
  // more. `tasks`: of the phase.
  void forget_published(PhaseId phase, const TaskStates& tasks, TaskRange published);
  void forget_job(JobId job);

 private:
  struct EndedOfPhase {
    std::set<std::pair<TaskIndex, AttemptId>> by_first;  // by their first task
    std::uint32_t longest = 0;                           // of any of them: bounds the search for those that held a task
  };

  std::map<AttemptId, Lease> live_;
  std::set<std::pair<base::Instant, AttemptId>> timers_;
  std::map<AttemptId, EndedAttempt> remembered_;
  std::map<PhaseId, EndedOfPhase> ended_;
};

}  // namespace framemill::scheduler
