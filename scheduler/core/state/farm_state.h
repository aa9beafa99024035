// Everything the farm knows, side by side: each part keeps its own duty and its own counters, the acts (task_moves,
// matcher, blame, publishing, reports, ...) are functions over them. One thread owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/cap_book.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/device_booking.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/core/state/file_watches.h"
#include "scheduler/core/state/job_book.h"
#include "scheduler/core/state/lease_book.h"
#include "scheduler/core/state/limit_book.h"
#include "scheduler/core/state/pace.h"
#include "scheduler/core/state/publish_duties.h"
#include "scheduler/core/state/ready_queue.h"
#include "scheduler/core/state/share_tree.h"
#include "scheduler/core/state/slot_groups.h"
#include "scheduler/core/state/turn.h"
#include "scheduler/core/state/view_marks.h"
#include "scheduler/core/state/wall_timers.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

struct ManifestDuty {                // see manifests.h
  WorkerId worker;                   // none: nobody sees the root
  base::Instant ordered{INT64_MIN};  // or the moment before which it is not tried again
  std::uint64_t revision = 0;        // published tasks it is to cover
  std::uint32_t failures = 0;
};

struct FarmState {
  FarmSettings settings;
  JobBook jobs;
  LeaseBook leases;
  WorkerRoster workers;
  PublishDuties duties;
  FileWatches file_watches;
  CountersRecord counters;
  std::map<std::string, std::string> root_ids;  // by name: of the tree that all hosts must mean by it
  LimitBook limits;
  CapBook caps;  // of shares

  // Derived.
  DemandClasses classes;
  ReadyQueue ready;
  ShareTree shares;
  DurationEstimator pace;
  MemoryLedger memory;
  std::set<base::Instant> wakes;     // when what a worker was refused for a while may be tried again
  WallTimers<JobId> timed_holds;     // jobs with a hold that ends by itself
  WallTimers<WorkerId> drain_plans;  // workers that are to drain at a time
  std::set<std::pair<base::Instant, JobId>> deadline_looks;  // when which job's deadline is looked at
  std::map<JobId, std::set<JobId>> waiters;                  // by the job that they wait for
  mutable SlotGroups slot_groups;  // brought up to date when somebody asks: policy/able_groups.h
  struct AbleGroups {              // of a request class, remembered there; what it was looked up by comes first
    GroupId looked_at = 0;
    std::uint64_t dropped = 0, learned = 0, counted = UINT64_MAX, listed = UINT64_MAX;
    std::vector<const SlotGroup*> groups;
    std::size_t slots = 0;
    std::vector<WorkerId> workers;
  };
  mutable std::map<ClassId, AbleGroups> able_groups;
  mutable std::uint64_t slots_looked_at = 0;                   // by the planner, ever: what its work is counted in
  std::uint64_t memory_learned = 0;                            // how often the ledger's predictions changed
  std::map<JobId, std::pair<WorkerId, base::Instant>> sweeps;  // done jobs: who was ordered to discard, and when
  using ManifestKey = std::pair<JobId, std::uint32_t>;         // and its number in the job
  std::map<ManifestKey, ManifestDuty> manifests;               // that are owed
  std::set<JobId> jobs_aside;                                  // jobs that some worker got no more of, ever; live ones
  base::Instant shares_written{INT64_MIN};                     // when what shares have used was last put on record
  std::uint64_t attempts_made = 0;                             // in this epoch
  bool read_only = false;
  bool match_wanted = false;
  // Jobs of which attempts live, by share, the least urgent first: by priority, then the newest.
  using AtWork = std::set<std::pair<std::int64_t, std::int64_t>>;  // priority, job negated
  std::map<ShareId, AtWork> at_work;                               // none empty
  // Shares whose ready work ranks above some job at work of the same share; looked up again where it is stale.
  struct Rivalries {
    std::set<ShareId> found, stale;
  };
  mutable Rivalries rivalries;
  std::uint64_t class_moves = 0;  // by pins: places went to another request class
  bool match_unfinished = false;  // the time of the pass was over, or the next is due
  // Where a pass whose time was over goes on: after these all others of their lines were tried.
  std::map<std::pair<ClassId, ShareId>, ReadyQueue::Ranked> passed_over;
  std::function<bool()> pass_is_over;  // as whoever began the turn says; null: never

  Turn turn;
  ViewMarks views;

  // Whoever changes what a worker is, or can, says so (what it holds is changed by the functions below).
  void on_worker_changed(const WorkerEntry& worker) {
    slot_groups.touch(worker.record.id);
    match_wanted = true;
  }
  void on_memory_learned(const base::Sha256& model);
  JobEntry& job_of(PhaseId phase) { return jobs.get(phase.job); }
  base::Instant now() const { return turn.now.monotonic; }

  // An attempt joins all that counts it: its phase and job, the book, its worker's slot. The one way in, for a grant and
  // for a restart. Of the lease the caller fills in record, demand, and whether it expired; the rest follows. `capacity`:
  // windows that were admitted at once; after a restart, when no device is known yet, the most that can have been
  // (docs/decisions/0006-core-in-rooms.md).
  Lease& attach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease lease, std::uint32_t capacity);
  // Its lease ran out: it lives on, and others may be granted its tasks, and the places under limits and caps
  // that it used.
  void expire(PhaseEntry& phase, Lease& lease);
  // Its lease, which had run out, lasts until then. Not where a limit or a cap is in the way
  // (is_in_the_way).
  void revive(Lease& lease, base::Instant deadline);
  // A limit is used up, or the cap of a share reached, by slots other than this one.
  bool is_in_the_way(const Demand& demand, ShareId share, const SlotRef& slot) const;
  // It leaves all of it; remembered where files of its tasks wait for their names. The lease is gone, its record is
  // returned.
  AttemptRecord detach(JobEntry& job, PhaseEntry& phase, WorkerEntry& worker, Lease& lease, const UsageTotals& usage);
  void set_priority(JobEntry& job, std::int32_t priority);
  // Tasks of it were committed or taken back; its parallel() was `before`.
  void load_changed(WorkerEntry& worker, const Lease& lease, std::uint32_t before);
  // What the lease is charged follows from what it holds and what was reported of it.
  void recharge(const PhaseEntry& phase, Lease& lease);
  // The place in the ready queue, with what its share has waiting; 0 tasks: it leaves.
  void set_ready(const Place& place, ClassId demand, const Standing& standing, std::uint32_t tasks);
  void rescale_shares();

 private:
  void take_places(const Lease& lease);  // under limits and caps
  void give_places_back(const Lease& lease);
  double device_weight(const Lease& lease) const;
  double used_us(const PhaseEntry& phase, const Lease& lease, const UsageTotals& usage) const;
  void start_work(const JobEntry& job);
  void end_work(const JobEntry& job);
  void note_change(const ReadyQueue::Change& change, ShareId share);

 public:
};

}  // namespace framemill::scheduler
