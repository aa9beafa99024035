// The state of the farm as a set of records: what the store keeps and what a restart puts back, through the same put().
// Everything else in the core (ready queues, bookings, indexes) is derived from these by one function. A record is small
// and whole: it is written again when any of its fields changes, and takes the place of the one with the same key.
//
// A new record is a struct here with its record_key() and a place in the list of Record, its way back in restart.cpp, and
// its table in the store (store/tables.h, with a migration in store/schema.cpp). Whoever changes it calls turn.put().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "base/sha256.h"
#include "base/time.h"
#include "jobs/ids.h"
#include "jobs/lifecycle.h"
#include "jobs/package_facts.h"
#include "jobs/plan.h"
#include "jobs/spec.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

using jobs::AttemptId;
using jobs::JobId;
using jobs::PhaseId;
using jobs::TaskIndex;
using jobs::TaskRange;
using jobs::WorkerId;

// Who caused a change, when, and why: on every record a person caused.
struct Cause {
  std::string principal;  // "ana"; "scheduler" for its own decisions
  base::WallTime time;
  std::string reason;
  bool operator==(const Cause&) const = default;
};

// One reason not to grant anything of a job: each kind once per person who placed it.
struct Hold {
  jobs::HoldKind kind = jobs::HoldKind::Pause;
  Cause placed;            // who, since when, why
  base::WallTime until{};  // it ends by itself then; 0: somebody lifts it
  bool operator==(const Hold&) const = default;
};
inline constexpr std::size_t kHoldsMax = 64;  // of one job

// A job that has to be over before this one begins, and is not yet.
struct AwaitedJob {
  JobId job;
  bool any_end = false;  // also when it fails or is cancelled; else it has to be done
  bool operator==(const AwaitedJob&) const = default;
};

// A layer that is held: everything that could take its work gave it back again and again, through no fault of the work.
struct StuckLayer {
  std::uint32_t layer = 0;
  base::WallTime since;
  std::string code, message;  // of the last attempt that was given back
  bool operator==(const StuckLayer&) const = default;
};

struct JobRecord {
  JobId id;
  std::shared_ptr<const jobs::JobSpec> spec;  // never null
  std::shared_ptr<const jobs::JobPlan> plan;  // never null
  std::vector<jobs::PackageFacts> packages;   // facts of the models the plan was made with (digests are pinned here)
  std::uint32_t version = 1;                  // reserved for its shots
  jobs::JobState state = jobs::JobState::Queued;
  std::vector<Hold> holds;         // by kind, then by person; the state is Paused once nothing runs on
  std::int32_t priority = 50;      // may be changed after submit
  base::WallTime deadline;         // the same; 0: none
  std::vector<AwaitedJob> awaits;  // as long as there are any, it is held (HoldKind::AfterJob)
  Cause submitted;
  Cause last_change;                 // the last pause, resume, cancel, priority, deadline, retry
  base::WallTime started, finished;  // 0: not yet
  bool swept = false;                // done, and a worker has discarded its intermediate files
  std::vector<StuckLayer> stuck;     // by layer, ascending
  JobId remake_of;                   // it makes published tasks of that job again (remakes.h); none: no
  bool replaces = false;             // of a remake: other contents take the place of the recorded ones
  JobId record_key() const { return id; }
};

// Sums over all attempts of a phase, ended or live. A retry that a person asks for forgets none of it.
struct PhaseTally {
  std::uint64_t attempts = 0;                    // granted
  std::uint64_t tries_charged = 0;               // bad ends of a task that counted towards its `retries`, less what
                                                 // was taken back because it was the worker's fault
  std::uint64_t windows_run_twice = 0;           // begun by an attempt that ended badly before it had finished them
  std::uint64_t model_loads = 0, device_us = 0;  // device_us: load, compute, lost
};

// How long tasks of a phase have waited for files of roots alone, so that a restart does not start that time again.
struct FileWaits {
  struct Span {
    TaskRange tasks;
    base::Duration since;  // reading of the clock
    base::WallTime wall_since;
    bool operator==(const Span&) const = default;
  };
  base::Duration clock;     // how long somebody has been looking where all of it was readable
  std::vector<Span> spans;  // ascending, at most kFileWaitSpansMax; empty: nothing waits
  bool operator==(const FileWaits&) const = default;
};
inline constexpr std::size_t kFileWaitSpansMax = 256;

struct PhaseRecord {
  PhaseId id;
  jobs::PhaseState state = jobs::PhaseState::Waiting;
  std::array<std::uint32_t, jobs::kTaskStateCount> counts{};  // tasks per state; sums to the phase's task_count
  std::string device_class;                                   // pinned by its variant's first commit; empty: free
  PhaseTally tally{};
  FileWaits file_waits{};  // as they were when last kept: the clock is behind by a little
  PhaseId record_key() const { return id; }
};

inline constexpr std::uint32_t kTasksPerPage = 4096;

// States of tasks page*4096 ... as bytes (jobs::TaskState). Pages of a phase whose tasks are all in one state need no
// record: PhaseRecord.counts tells it.
struct TaskPageRecord {
  PhaseId phase;
  std::uint32_t page = 0;
  std::vector<std::uint8_t> states;  // at most kTasksPerPage
  std::pair<PhaseId, std::uint32_t> record_key() const { return {phase, page}; }
};

// Evidence against one task; present only for tasks that had trouble.
struct TaskTroubleRecord {
  PhaseId phase;
  TaskIndex task = 0;
  std::uint32_t charged_tries = 0;
  std::vector<WorkerId> isolated_crashes;  // workers on which it killed an executor while alone
  bool isolate = false;                    // was aboard when an executor died: granted again alone
  std::uint32_t uncharged_returns = 0;     // oom, not_admitted, ...: spaces the next try (back-off)
  jobs::Outcome last_outcome = jobs::Outcome::Ok;
  std::string last_code, last_message;
  AttemptId last_attempt;
  std::optional<jobs::Frame> last_frame{};  // the frame that was found bad, where the attempt named one
  std::vector<WorkerId> failed_on{};        // workers of the charged tries, one each; at most kFailedOnMax
  bool run_single = false;                  // its chunk failed and nothing told which task: granted by itself
  std::pair<PhaseId, TaskIndex> record_key() const { return {phase, task}; }
};

inline constexpr std::size_t kFailedOnMax = 64;

struct BatchSize {  // how many calls of the network had so many windows
  std::uint32_t windows = 0, calls = 0;
  bool operator==(const BatchSize&) const = default;
};
struct UsageTotals {  // microseconds; see wire Usage
  std::uint64_t load_us = 0, compute_us = 0, write_us = 0, lost_us = 0, wall_us = 0;
  std::uint32_t model_loads = 0, steps = 0, batch_max = 0;
  std::vector<std::string> batch_mates;  // "JOB/PHASE" of other jobs' windows in its batches; at most 16
  std::uint64_t peak_bytes = 0;
  std::vector<BatchSize> batch_sizes{};  // at most 64

  std::uint64_t device_us() const { return load_us + compute_us + lost_us; }
  bool operator==(const UsageTotals&) const = default;
};

// A restart needs the live ones, and of jobs that are not final those that committed tasks (tasks_committed > 0): their
// staging directories may hold files that are not published yet.
struct AttemptRecord {
  AttemptId id;
  PhaseId phase;
  TaskRange tasks;  // as granted, less what was taken back
  WorkerId worker;
  std::uint32_t slot = 0;
  std::string slot_name, device_class;
  std::vector<std::string> devices;  // of its slots: "cpu0", or a GPU's UUID
  base::WallTime granted, ended;     // ended 0: live
  bool live = true;
  std::uint32_t tasks_committed = 0;
  std::uint64_t files_written = 0, files_read = 0;  // of the tasks it committed; their commits name them
  jobs::Outcome outcome = jobs::Outcome::Ok;        // when ended
  std::string code, message;
  UsageTotals usage;
  std::string output_tail;  // at most 16 KiB
  AttemptId record_key() const { return id; }
};

struct FileRecord {
  std::int32_t kind = 0;  // wire::OutputFile::Kind
  std::string staged, path;
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256, samples_sha256;
  jobs::Frame frame = 0;
  bool operator==(const FileRecord&) const = default;
};
struct ReadRecord {  // one input as it was read
  std::string root, path;
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256;
};

// The commit of one task: written once, never changed, never read on restart. `published` follows in the task's state.
struct CommitRecord {
  PhaseId phase;
  TaskIndex task = 0;
  AttemptId attempt;
  WorkerId worker;
  std::string root, device_class;
  base::WallTime time;
  std::uint64_t duration_us = 0;
  std::vector<FileRecord> files;
  std::vector<ReadRecord> reads;
  static constexpr bool kIsHistory = true;
  std::pair<PhaseId, TaskIndex> record_key() const { return {phase, task}; }
};

// What came of making a published task again. SameSamples: other bytes, but samples of the recorded digest.
enum class RemakeOutcome : std::uint8_t { Open, Equal, SameSamples, Replaced, Differs };

// A published task that a remake makes again: what was on record, and what came out. Both stay.
struct RemakeRecord {
  PhaseId phase;  // of the remake; its plan is that of the first job
  TaskIndex task = 0;
  JobId of;                                     // the job that published it
  std::vector<FileRecord> before;               // as they were on record
  std::vector<FileRecord> after;                // as they came out; empty: not made yet
  RemakeOutcome outcome = RemakeOutcome::Open;  // others than Open and Differs: they have their names
  base::WallTime time;                          // of the outcome
  std::pair<PhaseId, TaskIndex> record_key() const { return {phase, task}; }
};

struct WorkerRecord {
  WorkerId id;
  std::string key;   // CURVE public key, Z85, 40 characters: its identity
  std::string name;  // for people
  bool drain_requested = false;
  bool quarantined = false;
  bool revoked = false;     // a person shut it out: its reports are refused
  base::WallTime drain_at;  // it drains by itself then; 0: no such plan
  Cause drain_planned;      // who planned that, and why; only with drain_at
  Cause last_change;
  std::vector<JobId> blamed_jobs;  // distinct jobs whose tasks failed here in a row
  std::uint64_t incarnation = 0;   // last seen
  WorkerId record_key() const { return id; }
};

struct VersionRecord {  // versions in use: per show, sequence, shot
  std::string show, sequence, shot;
  std::uint32_t version = 0;
  JobId job;
  std::tuple<std::string, std::string, std::string, std::uint32_t> record_key() const {
    return {show, sequence, shot, version};
  }
};

struct RootRecord {      // the tree that all hosts must mean by a root's name
  std::string name, id;  // id: of its marker, as the first worker that saw one told it
  std::string record_key() const { return name; }
};

struct LimitRecord {  // of a limit whose count a person changed (limit_book.h)
  std::string name;
  std::uint32_t count = 0;
  std::uint32_t configured = 0;  // what the configuration said then: it goes before where it says something else now
  Cause cause;
  std::string record_key() const { return name; }
};

struct SubmitTokenRecord {  // Idempotency-Key -> job
  std::string principal, token;
  base::Sha256 body;
  JobId job;
  std::pair<std::string, std::string> record_key() const { return {principal, token}; }
};

struct AuditRecord {  // what a person did
  std::uint64_t sequence = 0;
  Cause cause;
  std::string verb;    // "submit", "cancel", "drain", ...
  std::string target;  // "job 12", "worker 3"
  static constexpr bool kIsHistory = true;
  std::uint64_t record_key() const { return sequence; }
};

// What a user's work on a show has used: device time weighted by the device, of ended attempts. Written at most once a
// second while it changes.
struct ShareUsageRecord {
  std::string show, user;
  std::uint64_t used_us = 0;  // decayed to `at`
  base::WallTime at;
  std::pair<std::string, std::string> record_key() const { return {show, user}; }
  bool operator==(const ShareUsageRecord&) const = default;
};

struct ShareRulesRecord {  // of a node, set by a person at run time
  std::string path;        // "features/atlas"
  ShareRules rules;        // what is not given here is as configured
  Cause last_change;
  std::string record_key() const { return path; }
  bool operator==(const ShareRulesRecord&) const = default;
};

struct CountersRecord {  // what must never be used twice
  std::uint32_t last_job = 0, last_worker = 0;
  std::uint64_t last_audit = 0;
  std::monostate record_key() const { return {}; }  // there is one
};

using Record = std::variant<JobRecord, PhaseRecord, TaskPageRecord, TaskTroubleRecord, AttemptRecord, CommitRecord,
                            WorkerRecord, VersionRecord, RootRecord, SubmitTokenRecord, AuditRecord, CountersRecord,
                            RemakeRecord, LimitRecord, ShareUsageRecord, ShareRulesRecord>;

// Written once, never changed, and not read at a restart.
template <class R>
concept HistoryRecord = requires { requires R::kIsHistory; };

// What a turn changed: one transaction of the store.
struct Persist {
  std::vector<Record> puts;
  std::vector<std::pair<PhaseId, TaskIndex>> troubles_erased;  // by a retry that a person asked for
  // Their files were lost before they had their names: the tasks are made again, and what had been committed is kept
  // aside. Committed and synced before this turn.
  std::vector<std::pair<PhaseId, TaskIndex>> commits_withdrawn{};
  bool empty() const { return puts.empty() && troubles_erased.empty() && commits_withdrawn.empty(); }
};

}  // namespace framemill::scheduler
