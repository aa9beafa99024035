// Committed tasks whose files wait for their final names: whose duty each is, and when it was last ordered. A duty is
// repeated until the worker says that it is done, and goes to another worker when its own falls silent. Derived from
// the committed tasks; acts/publish_orders.h and acts/publishing.h have the acts.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

struct Duty {
  AttemptId attempt;                 // that committed it; none after a restart
  WorkerId worker;                   // none: nobody sees the root
  base::Instant ordered{INT64_MIN};  // or the moment before which it is not tried again
  std::uint32_t failures = 0;
};

class PublishDuties {
 public:
  using Key = std::pair<PhaseId, TaskIndex>;

  void add(PhaseId phase, TaskIndex task, AttemptId attempt);  // nobody's yet
  void done(PhaseId phase, TaskRange tasks);
  const Duty* find(const Key& key) const;  // null: nothing of the task waits for its name
  Duty& get(const Key& key);               // of a committed task: stops where there is none (promise P8)
  void assign(const Key& key, WorkerId worker, base::Instant ordered);
  void unassign(const Key& key);

  const std::map<Key, Duty>& all() const { return duties_; }
  const std::set<Key>& unassigned() const { return unassigned_; }
  // The worker's duties, longest ordered first.
  const std::set<std::pair<base::Instant, Key>>& of(WorkerId worker) const;

 private:
  std::map<Key, Duty> duties_;
  std::set<Key> unassigned_;
  std::map<WorkerId, std::set<std::pair<base::Instant, Key>>> by_worker_;
};

}  // namespace framemill::scheduler
