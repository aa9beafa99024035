// The farm as a pure machine: events in, effects out. No threads, clocks, files or sockets; one thread owns it. The duties
// are split over parts (job book, lease book, worker roster, matcher, blame) that this class only connects; see
// ARCHITECTURE.md.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/time.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/task_states.h"
#include "scheduler/core/views/diagnosis_view.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

class Farm {
 public:
  explicit Farm(FarmSettings settings);
  ~Farm();
  Farm(Farm&&) noexcept;
  Farm& operator=(Farm&&) noexcept;

  // Restart: every record goes back through put(), then begin() derives the rest. Live attempts keep their leases
  // (promise P10): their deadlines start anew at begin().
  void put(const Record& record);
  Effects begin(base::Now now);

  // Move the event in: reports carry files. `pass_is_over`: asked after each placement, whether the turn has placed work
  // for long enough; the rest is left to the next turn, which is due at once. Null: never.
  Effects apply(Event event, base::Now now, std::function<bool()> pass_is_over = nullptr);
  base::Instant next_deadline() const;  // when TimePassed is due; kNever when nothing is

  // What people are to see, as it changes (view_feed.h): everything to begin with, then whatever is due. To be taken
  // after each turn, before its answers are given, where views_due() has come; and when it comes without one.
  ViewChanges take_all_views(base::Now now);
  ViewChanges take_views(base::Now now);
  base::Instant views_due() const;

  // The same, looked up in the farm as it stands: for tests.
  std::vector<JobView> list_jobs(bool live_only) const;  // newest first
  std::optional<JobView> show_job(JobId job) const;
  std::vector<WorkerView> list_workers(base::Now now) const;
  std::vector<LimitView> list_limits() const;
  // The tree of shares: a node before those below it.
  std::vector<ShareView> list_shares() const;
  // The first task of the job that does not run and is not final (or the one that writes `frame` of `layer` and
  // `variant`). When there is none: an empty layer and a sentence about the job.
  base::Result<ExplainView> explain(JobId job, const std::string& layer, std::optional<std::uint32_t> variant,
                                    std::optional<jobs::Frame> frame, base::Now now) const;
  base::Result<DiagnosisView> diagnose(JobId job, base::Now now) const;  // job.unknown
  const JobRecord* job(JobId id) const;                                  // plan and spec, for translation
  // nullopt: no such job or phase. Tasks of a job that is done are Published, or stayed cancelled when others were
  // retried.
  std::optional<jobs::TaskState> task_state(PhaseId phase, TaskIndex task) const;
  std::vector<StateRun> task_runs(PhaseId phase) const;  // of all its tasks; empty: no such job or phase
  // What a remake's tasks read and write (remakes.h): the tasks that a change asks for, whose commit stands for a
  // task's files (its own phase, or the first job's), and what is known of a task that is made again (else null).
  base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> tasks_to_remake(const JobChangeRequested& asked) const;
  PhaseId committed_as(PhaseId phase, TaskIndex task) const;
  const RemakeRecord* remade(PhaseId phase, TaskIndex task) const;
  const WorkerRecord* worker(WorkerId id) const;
  // That a job of this spec would get, if it asks for the next one of its shots.
  std::uint32_t next_version(const jobs::JobSpec& spec) const;
  std::optional<WorkerId> worker_of_key(const std::string& key) const;

  // How many slots were looked at to place work, ever: what the cost of a grant is counted in.
  std::uint64_t slots_looked_at() const;
  // Every record as it stands, in a fixed order: tests compare it with a farm rebuilt from the store.
  std::vector<Record> records() const;
  // Re-derives every invariant and compares; the first violation as text, or empty. For tests and the simulator.
  std::string sanity_check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framemill::scheduler
