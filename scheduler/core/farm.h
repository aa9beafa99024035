// The farm as a pure machine: events in, effects out. No threads, clocks, files or sockets; one thread owns it. The duties
// are split over parts (job book, lease book, worker roster, matcher, blame) that this class only connects; see
// ARCHITECTURE.md.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/time.h"
#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"
#include "scheduler/core/records.h"
#include "scheduler/core/task_states.h"
#include "scheduler/core/views.h"

namespace framemill::scheduler {

struct FarmSettings {
  jobs::Epoch epoch;  // of this start; names attempts
  base::Duration lease_ttl = base::seconds(120);
  base::Duration silence_alarm = base::seconds(15);        // a worker not heard for so long is Silent
  base::Duration report_interval = base::seconds(1);       // asked of workers that have work
  base::Duration idle_report_interval = base::seconds(5);  // asked of the others
  base::Duration missing_after = base::seconds(600);       // for files of roots, where the layer does not say
  base::Duration progress_timeout = base::seconds(1800);   // a lease without progress for so long is taken back
  base::Duration late_turn = base::seconds(1);  // a turn later than this moves all lease deadlines by the gap
  base::Duration back_off_first = base::seconds(1), back_off_most = base::seconds(60);
  std::uint32_t lone_deaths_max = 3;   // then a task is quarantined
  std::uint32_t worker_blame_max = 3;  // jobs that fail there and go on elsewhere; then the worker is
  std::uint32_t returns_max = 6;       // of a layer's work by a worker in a row; then it gets no more
  base::Duration probe_first = base::seconds(60), probe_most = base::seconds(900);  // until it is tried there once more
  base::Duration worker_probe = base::seconds(300), worker_probe_most = base::seconds(3600);  // the same, of a worker
  std::uint32_t jobs_max = 10'000;           // live jobs; more are refused with a hint
  std::uint32_t finished_jobs_max = 10'000;  // in memory, the newest; the store keeps all
  std::uint32_t leases_per_slot_max = 64;
  std::uint32_t publish_duties_per_worker_max = 4'096;  // committed tasks without their names; then no more grants
  std::uint32_t publish_duties_max = 65'536;            // the same, in the whole farm
  std::uint32_t grants_per_turn = 256;                  // the matcher's budget
};

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

  Effects apply(Event event, base::Now now);  // move it in: reports carry files
  base::Instant next_deadline() const;        // when TimePassed is due; kNever when nothing is

  // What people ask to see.
  std::vector<JobView> list_jobs(bool live_only) const;  // newest first
  // The same in pieces, for a caller with other duties: looks at no more than `look_max` jobs older than `before` (none:
  // from the newest on) and views those that `wanted` takes, at most `rows_max`.
  struct JobsPiece {
    std::vector<JobView> views;
    JobId before;      // where the next piece goes on
    bool end = false;  // there is no next piece
  };
  JobsPiece list_jobs(JobId before, std::uint32_t look_max, std::uint32_t rows_max,
                      const std::function<bool(const JobRecord&)>& wanted) const;
  std::optional<JobView> show_job(JobId job) const;
  std::vector<WorkerView> list_workers(base::Now now) const;
  std::vector<WorkerView> list_workers(base::Now now, WorkerId after, std::uint32_t count) const;  // the next by number
  // The first task of the job that does not run and is not final (or the one that writes `frame` of `layer` and
  // `variant`). When there is none: an empty layer and a sentence about the job.
  base::Result<ExplainView> explain(JobId job, const std::string& layer, std::optional<std::uint32_t> variant,
                                    std::optional<jobs::Frame> frame, base::Now now) const;
  const JobRecord* job(JobId id) const;  // plan and spec, for translation
  // nullopt: no such job or phase. Tasks of a job that is done are Published, or stayed cancelled when others were
  // retried.
  std::optional<jobs::TaskState> task_state(PhaseId phase, TaskIndex task) const;
  std::vector<StateRun> task_runs(PhaseId phase) const;  // of all its tasks; empty: no such job or phase
  // What a remake's tasks read and write (remakes.h): the tasks that a change asks for, whose commit stands for a
  // task's files (its own phase, or the first job's), and what is known of a task that is made again (else null).
  base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> tasks_to_remake(const JobChangeAsked& asked) const;
  PhaseId committed_as(PhaseId phase, TaskIndex task) const;
  const RemakeRecord* remade(PhaseId phase, TaskIndex task) const;
  const WorkerRecord* worker(WorkerId id) const;
  // What a running attempt has printed, as its worker last said; nullptr: it does not run.
  const std::string* output_of(AttemptId attempt) const;
  std::optional<WorkerId> worker_of_key(const std::string& key) const;

  // Every record as it stands, in a fixed order: tests compare it with a farm rebuilt from the store.
  std::vector<Record> records() const;
  // Re-derives every invariant and compares; the first violation as text, or empty. For tests and the simulator.
  std::string sanity_check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framemill::scheduler
