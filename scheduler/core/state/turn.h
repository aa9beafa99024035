// What one turn has changed so far: effects, and the names of the records to write at its end, each once.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/core/state/job_book.h"
#include "scheduler/core/state/lease_book.h"
#include "scheduler/core/state/publish_duties.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

// What follows from what was changed. An act notes it here and goes on; settle.h draws the consequences until none is
// left, so that no act has to know the next one.
struct Worklist {
  std::vector<std::pair<PhaseId, TaskRange>> published;  // tasks that others may wait for
  std::vector<JobId> reconsidered;  // something of them ended, or began again: sheets and manifests wait for ends
  std::vector<JobId> jobs;          // their states are derived again
  std::vector<PhaseId> phases;
};

struct Turn {
  base::Now now;
  Effects effects;

  // Names of what is dirty; the flag in the entry keeps each name single.
  std::vector<JobId> jobs;
  std::vector<PhaseId> phases;
  std::vector<AttemptId> attempts;
  std::vector<WorkerId> workers;
  std::vector<std::pair<PhaseId, TaskIndex>> troubles;
  bool counters = false;
  std::vector<JobId> unserved;  // that began to wait: work of them is ready, and nothing runs

  Worklist work;
  std::vector<PublishDuties::Key> publish_orders;                              // duties that were assigned in this turn
  std::map<std::pair<JobId, std::uint32_t>, std::uint32_t> published, failed;  // tasks by layer, folded

  // On record as it is now. What changes many times in a turn is marked instead, and written once at its end.
  template <class R>
  void put(R record) {
    effects.persist.puts.emplace_back(std::move(record));
  }
  void mark(JobEntry& job);
  void mark(PhaseEntry& phase);
  void mark(PhaseEntry& phase, TaskIndex task, FailureHistory& trouble);
  void mark(Lease& lease);
  void mark(WorkerEntry& worker);
  // Their states are derived again at the end of the turn.
  void touch(JobEntry& job, PhaseEntry& phase);
  void touch(JobEntry& job);
  void reconsider(JobEntry& job);  // something of it ended, or began again
  // Not inline: GCC 12 sees uninitialised members in a variant's move that it inlines.
  void say(FarmEvent event);
};

}  // namespace framemill::scheduler
