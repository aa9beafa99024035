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

struct Turn {
  base::Now now;
  Effects effects;

  // Names of what is dirty; the flag in the entry keeps each name single.
  std::vector<JobId> jobs;
  std::vector<PhaseId> phases;
  std::vector<AttemptId> attempts;
  std::vector<WorkerId> workers;
  std::vector<std::pair<PhaseId, TaskIndex>> troubles;
  std::vector<AttemptRecord> attempts_ended;
  std::vector<CommitRecord> commits;
  std::vector<VersionRecord> versions;
  std::vector<RootRecord> roots;
  std::vector<SubmitTokenRecord> tokens;
  std::vector<AuditRecord> audits;
  std::vector<std::pair<PhaseId, TaskIndex>> remade;  // by the remake's phase
  bool counters = false;

  std::vector<JobId> touched_jobs;  // their states are derived again at the end of the turn
  std::vector<PhaseId> touched_phases;
  std::vector<PublishDuties::Key> publish_orders;                              // duties that were assigned in this turn
  std::map<std::pair<JobId, std::uint32_t>, std::uint32_t> published, failed;  // tasks by layer, folded

  void mark(JobEntry& job);
  void mark(PhaseEntry& phase);
  void mark(PhaseEntry& phase, TaskIndex task, Trouble& trouble);
  void mark(Lease& lease);
  void mark(WorkerEntry& worker);
  void touch(JobEntry& job, PhaseEntry& phase);
  void touch(JobEntry& job);
  void say(FarmEvent event) { effects.happened.push_back(std::move(event)); }
};

}  // namespace framemill::scheduler
