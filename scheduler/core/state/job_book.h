// The jobs of the farm with their phases, tasks and troubles: the part of the state that a person thinks of. Entries
// stay where they are in memory while they live. The moves of tasks are in task_moves.h; here is only what is true of
// one job.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jobs/attempt_error.h"
#include "jobs/manifest_groups.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/host_standing.h"
#include "scheduler/core/state/pace.h"
#include "scheduler/core/state/ready_queue.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/root_files.h"
#include "scheduler/core/state/task_states.h"
#include "scheduler/core/state/view_marks.h"

namespace framemill::scheduler {

// job.layer_unknown, with the layers that there are.
base::Error unknown_layer(JobId job, const jobs::JobSpec& spec, const std::string& name);

struct FailureHistory {
  TaskTroubleRecord record;
  // Workers on which an input of this task was not to be seen, how often, and until when it is not looked for there
  // again; forgotten at a restart.
  struct Unseen {
    std::uint32_t looks = 0;
    base::Instant not_before{INT64_MIN};
  };
  std::map<WorkerId, Unseen> unseen;
  Grouping grouping = Grouping::Common;  // counted in the phase while the task is ready
  bool dirty = false;

  Grouping wanted_grouping() const {
    if (record.isolate) return Grouping::Alone;
    return record.run_single || !record.failed_on.empty() || !unseen.empty() ? Grouping::Single : Grouping::Common;
  }
};

struct Dependent {  // phase `owner` waits, by its need number `need`, for this phase
  jobs::PhaseIndex owner = 0;
  std::uint32_t need = 0;
};

struct PhaseEntry {
  PhaseEntry(PhaseId phase_id, const jobs::PhasePlan& phase_plan)
      : id(phase_id), plan(&phase_plan), tasks(phase_plan.task_count, TaskState::Waiting) {}

  PhaseId id;
  const jobs::PhasePlan* plan = nullptr;
  jobs::PhaseState state = jobs::PhaseState::Waiting;
  std::string device_class;
  PhaseTally tally;
  TaskStates tasks;
  std::map<TaskIndex, FailureHistory> troubles;
  PhaseFiles files;

  // Derived.
  std::vector<Dependent> dependents;
  std::uint32_t depth = 1;  // tasks on the longest path from here to the job's end
  std::uint32_t shot = 0;   // of the job's shots, in the order in which the spec names them
  bool chain = false;       // task t needs t-1
  ClassId common_class = 0, alone_class = 0;
  std::uint32_t single = 0, alone = 0;                 // ready tasks by grouping; the others are common
  std::set<std::pair<TaskIndex, AttemptId>> attempts;  // live ones, by first task
  std::uint32_t chunk_longest = 0;   // of any attempt here: bounds the search for those that hold a task
  std::uint32_t expired_leases = 0;  // live attempts whose lease ever ran out: only then may two hold one task
  PaceId pace = 0;
  WorkerId last_worker;     // that committed here last: in a chain it has the carry at hand
  std::uint32_t taken = 0;  // of a remake: tasks that it takes as the first job left them; they count as published
  bool dirty = false, touched = false;

  // An attempt lives here from now on, or no longer; `ran_out`: its lease ever did.
  void attach(AttemptId attempt, TaskRange held, bool ran_out);
  void detach(AttemptId attempt, TaskRange held, bool ran_out);
  // Counts the task's trouble in the share that it belongs to now, or in none.
  void sort_in(TaskIndex task, FailureHistory& trouble);
  void uncount(const FailureHistory& trouble);

  std::uint32_t ready_common() const { return tasks.count(TaskState::Ready) - single - alone; }
  // The task is published and was found to differ from most of the phase.
  bool is_odd(TaskIndex task, const TaskTroubleRecord& trouble) const {
    return trouble.last_code == text_of(jobs::AttemptError::PublishedDiffers) && tasks.at(task) == TaskState::Published;
  }
  // Frames that the task stands for: those that it writes, or that its latents become.
  jobs::FrameSet frames_of(TaskIndex task) const;
};

struct ManifestState {  // of one directory's manifest (jobs/manifest_groups.h)
  jobs::ManifestGroup group;
  // How many published tasks the manifest on disk covers, or was given up for. Nobody's record: a job that is not final
  // finds out anew after a restart, and a worker that has that very manifest already writes nothing.
  std::uint64_t covers = 0;
};

inline constexpr std::int64_t kNoRisk = INT64_MAX;  // of a deadline

struct JobEntry {
  JobRecord record;
  std::vector<PhaseEntry> phases;
  TaskCounts totals{};  // over all phases
  ShareId share;        // that its work is charged to
  std::vector<ManifestState> manifests;
  std::uint32_t manifests_owed = 0;  // all their frames are final, and the manifest does not say so yet
  std::uint32_t attempts_live = 0;
  // Work of it is ready and nothing of it runs, since then; set anew at a restart.
  std::optional<base::Now> unserved_since;
  // How each layer fares on the workers that had its work; forgotten at a restart.
  std::map<std::pair<std::uint32_t, WorkerId>, HostStanding> hosts;
  // Of them, all where a task failed and nowhere else; and perhaps some of which that is no longer so.
  std::set<std::pair<std::uint32_t, WorkerId>> suspects;
  std::uint64_t awaited = 0;  // waiting tasks that lack files of roots alone
  // Layers whose files do not get their names, for reasons of storage or of a host; forgotten at a restart.
  std::map<std::uint32_t, PublishTrouble> publish_troubles;
  std::map<std::pair<jobs::PhaseIndex, TaskIndex>, RemakeRecord> remade;  // of a remake: what it makes again
  std::set<JobId> remakes;  // jobs that make tasks of this one again, or have; none of those that were forgotten
  // While its deadline is at risk: the latest moment of the wall clock, in ms, from which what is left can be made in time
  // (acts/deadlines.h); else kNoRisk.
  std::int64_t latest_start_ms = kNoRisk;
  base::Instant deadline_look = base::kNever;  // when that is looked at next
  bool dirty = false, touched = false, reconsidered = false;
  RowState row;

  // All of `tasks` go to `state`, and the totals follow; whether a move is allowed is for `each` to check, which gets
  // every run that was in another state. False: there was none.
  template <class Each>
  bool set_tasks(PhaseEntry& phase, TaskRange tasks, TaskState state, Each each) {
    bool changed = false;
    for (const StateRun& run : phase.tasks.runs(tasks)) {
      if (run.state == state) continue;
      each(run);
      changed = true;
      totals[static_cast<std::size_t>(run.state)] -= run.tasks.count;
      totals[static_cast<std::size_t>(state)] += run.tasks.count;
    }
    if (changed) phase.tasks.set(tasks, state);
    return changed;
  }
  void restore_tasks(PhaseEntry& phase, TaskStates tasks);
  const jobs::LayerSpec& layer_of(const PhaseEntry& phase) const { return record.spec->layers[phase.plan->layer]; }
  std::string label_of(const PhaseEntry& phase) const;  // "boards t3": a layer's variant, as people call it
  std::uint64_t total(TaskState state) const { return totals[static_cast<std::size_t>(state)]; }
  bool final() const { return jobs::is_final(record.state); }
  bool is_held() const { return !record.holds.empty(); }
  // Somebody has stopped it, which is more than to wait for a time or another job.
  bool is_stopped() const {
    return std::any_of(record.holds.begin(), record.holds.end(), [](const Hold& h) { return !jobs::is_wait(h.kind); });
  }
  // The one place that says so: queues, watches and views ask here.
  bool may_be_granted() const { return !is_held() && !final(); }
};

using ShotName = std::pair<std::string, std::pair<std::string, std::string>>;  // show, sequence, shot

inline constexpr std::size_t kTokensMax = 100'000;  // the newest; an older token is new again

class JobBook {
 public:
  JobEntry* find(JobId id);  // null: it is not in memory
  const JobEntry* find(JobId id) const;
  PhaseEntry* find(PhaseId id);
  const PhaseEntry* find(PhaseId id) const;
  // Of what must be there: they stop where it is not (promise P8).
  JobEntry& get(JobId id);
  const JobEntry& get(JobId id) const;
  PhaseEntry& get(PhaseId id);
  const PhaseEntry& get(PhaseId id) const;

  // A job whose tasks all wait; derived fields are filled in.
  JobEntry& add(JobRecord record, DurationEstimator& pace);
  // The record's state, with the count of live jobs.
  void set_state(JobEntry& job, jobs::JobState state);
  // Jobs that are over and of which nothing is under way, oldest first; they may be forgotten, the store has them.
  const std::set<JobId>& at_rest() const { return at_rest_; }
  void set_at_rest(JobId id, bool at_rest);
  void forget(JobId id, DurationEstimator& pace);
  const std::map<JobId, JobEntry>& all() const { return jobs_; }
  std::map<JobId, JobEntry>& all() { return jobs_; }

  // Versions in use per shot.
  std::uint32_t next_version(const ShotName& shot) const;
  bool version_taken(const ShotName& shot, std::uint32_t version) const;
  // The jobs that hold versions of the shot below this one, newest first; some may have been forgotten.
  std::vector<VersionRecord> versions_before(const ShotName& shot, std::uint32_t version) const;
  void put(const VersionRecord& record);
  std::vector<VersionRecord> versions() const;

  const SubmitTokenRecord* token(const std::string& principal, const std::string& token) const;
  void put(const SubmitTokenRecord& record);
  std::vector<SubmitTokenRecord> tokens() const;

  std::uint32_t live_jobs() const { return live_jobs_; }
  std::uint32_t live_jobs_of(const std::string& principal) const;
  // Everybody who has any, with how many.
  const std::map<std::string, std::uint32_t>& live_jobs_by_user() const { return live_jobs_by_user_; }

 private:
  void count_live(const JobRecord& job);
  void uncount_live(const JobRecord& job);

  std::map<JobId, JobEntry> jobs_;
  std::map<ShotName, std::map<std::uint32_t, JobId>> versions_;
  std::map<std::pair<std::string, std::string>, SubmitTokenRecord> tokens_;
  std::map<JobId, std::pair<std::string, std::string>> tokens_by_age_;
  std::set<JobId> at_rest_;
  std::uint32_t live_jobs_ = 0;
  std::map<std::string, std::uint32_t> live_jobs_by_user_;  // none of 0
};

}  // namespace framemill::scheduler
