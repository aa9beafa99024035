// Everything that can happen to the farm, as past-tense values. Ids, seeds and clock readings arrive with them: the core
// asks nobody.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/attempt_error.h"
#include "jobs/command_confinement.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

using RequestId = std::uint64_t;  // the shell's handle for an answer; 0: nobody waits

// --- what people ask -------------------------------------------------------------------------------------------------
struct JobSubmitted {
  RequestId request = 0;
  Cause cause;
  std::shared_ptr<const jobs::JobSpec> spec;  // parsed and checked by the shell
  std::vector<jobs::PackageFacts> packages;   // of every model the spec names
  std::string token;                          // Idempotency-Key; empty: none
  base::Sha256 body;                          // of the submitted text and overrides
  std::vector<std::string> warnings{};        // what the shell noticed in a good spec, for the answer
};
enum class JobAction { Cancel, Pause, Resume, SetPriority, SetDeadline, Retry };
struct JobChangeRequested {
  RequestId request = 0;
  Cause cause;
  JobId job;
  JobAction verb = JobAction::Cancel;
  std::int32_t priority = 50;                   // SetPriority
  base::WallTime deadline;                      // SetDeadline; 0: none
  std::string layer;                            // Retry: this layer alone; empty: all
  std::optional<jobs::FrameSet> frames;         // Retry: these frames alone
  jobs::HoldKind hold = jobs::HoldKind::Pause;  // Pause, Resume: which kind is placed or lifted
  std::optional<base::WallTime> until;          // Pause: when it ends by itself
  bool waives_waits = false;                    // Resume: what its spec made it wait for is waited for no more
  bool remake = false;                          // Retry: make again what is published there
  bool replace = false;                         // of a remake: other contents take the place of the recorded ones
  std::vector<CommitRecord> on_record;          // of a remake: what is on record of the tasks it is for
};
inline constexpr std::size_t kJobsPerChange = 64;
// The same change of several jobs: as many as a turn has time for. Those that are over, or no longer in the state that
// was asked for, are left as they are.
struct JobsChangeRequested {
  RequestId request = 0;
  Cause cause;
  std::vector<JobId> jobs;             // at most kJobsPerChange
  JobAction verb = JobAction::Cancel;  // not Retry
  std::int32_t priority = 50;
  std::optional<base::WallTime> until;
  std::optional<jobs::JobState> only_in;
  std::string selected{};  // how they were selected, for the record; empty: that is on record already
};
enum class WorkerAction { Drain, Undrain, Revoke, ClearQuarantine };
struct WorkerChangeRequested {
  RequestId request = 0;
  Cause cause;
  WorkerId worker;
  WorkerAction verb = WorkerAction::Drain;
  std::optional<base::WallTime> at;  // Drain: then, and not now
};

struct LimitChangeRequested {
  RequestId request = 0;
  Cause cause;
  std::string name;
  std::uint32_t count = 0;  // from now on; what is in use beyond it goes on
};

struct ShareChangeRequested {  // of a node's rules at run time
  RequestId request = 0;
  Cause cause;
  std::string path;    // "features/atlas"
  ShareRules rules;    // what is given is set, the rest stays
  bool reset = false;  // as configured again, before what is given
};

// --- what workers say ------------------------------------------------------------------------------------------------
enum class DeviceKind { Cpu, Cuda };
struct DeviceState {
  std::string id, name, device_class;
  DeviceKind kind = DeviceKind::Cpu;
  std::uint64_t memory_bytes_total = 0, memory_bytes_budget = 0;
  std::uint32_t cpus = 0;
};
struct SlotState {
  std::uint32_t index = 0;
  std::string name;
  std::uint32_t device = 0;
  std::vector<base::Sha256> loaded_models;
  bool usable = true;
};
struct PackageHeld {
  std::string id;  // "demo-clips@1"
  base::Sha256 root_digest;
};
struct RootSeen {
  std::string name;
  bool usable = false;  // marker seen, and work may write there
  std::uint64_t free_bytes = 0;
  bool readable = false;   // marker seen: it serves inputs
  bool read_only = false;  // configured so: nothing will ever be written there
  bool tells_id = false;   // the worker knows of ids
  std::string id{};        // of the marker; empty: it has none
  std::string problem{};   // why it is not usable, where that is not meant
};
struct HostCondition {        // what a worker's attempts found wrong with its host
  std::string code, message;  // "host.descriptors", "storage_failed"
  std::string root;           // of storage; empty: the whole host
};
struct Inventory {
  std::string name, version;
  std::vector<DeviceState> devices;
  std::vector<SlotState> slots;
  std::vector<PackageHeld> packages;
  std::vector<RootSeen> roots;
  std::vector<std::string> commands;
  bool media = false;
  std::vector<HostCondition> conditions;
  bool looks_for_files = false;  // knows WatchedFiles
  std::string confinement{};     // what its children are kept from, for people
  jobs::CommandConfinement command_confinement = jobs::CommandConfinement::Unknown;
};
struct AttemptRunning {
  AttemptId attempt;
  TaskIndex task = 0;
  std::uint32_t step = 0, steps = 0, batch = 0;
  bool model_warm = false;
  std::uint64_t peak_bytes = 0;
  std::string detail;
  UsageTotals usage;                          // what it would record if it ended now
  std::shared_ptr<const std::string> output;  // what it has printed so far; null: as told before
  std::uint64_t moves = 0;                    // counts signs of progress; 0: its worker does not count
  TaskRange tasks{};                          // what it holds, as far as it knows; empty: its worker did not say
  bool loading_model = false;
};
struct TaskFinished {
  AttemptId attempt;
  PhaseId phase;
  TaskIndex task = 0;
  std::uint64_t duration_us = 0;
  std::vector<FileRecord> files;
  std::vector<ReadRecord> reads;
  // Published frames of the phase that were found to differ from most of it, and how; at most 16.
  std::vector<std::pair<jobs::Frame, std::string>> odd{};
};
struct AttemptEnded {
  AttemptId attempt;
  jobs::Outcome outcome = jobs::Outcome::Ok;
  std::string code, message;
  std::optional<jobs::Frame> frame;
  bool alone = false;
  std::vector<TaskIndex> failed_tasks;  // empty: the first task it had not finished
  std::string device_class;
  UsageTotals usage;
  std::string output_tail;
};
struct TasksPublished {
  PhaseId phase;
  TaskRange tasks;
};
struct PublishFailed {
  PhaseId phase;
  TaskRange tasks;
  std::string code, message;
};
struct ManifestWritten {
  JobId job;
  std::uint32_t number = 0;
  std::uint64_t revision = 0;
  std::string code, message;  // why not; empty: it is written
};

// Another process showed the key of a worker that lives. It was refused: nothing of what it said is heard.
struct WorkerKeyContested {
  std::string key, address;
};

inline constexpr std::int64_t kWatchedFramesMax = 4'096;  // of one input, asked for at a time

// What a worker found when it looked for the files it was asked to watch (effects.h, WatchedFiles).
struct FilesLookedFor {
  PhaseId phase;
  std::uint32_t input = 0;
  bool readable = false;                     // the root's marker was seen and its directories could be read
  std::string problem;                       // why not
  jobs::FrameSet there;                      // of the frames asked for; at most 4,096
  std::optional<jobs::Frame> refused_frame;  // whose file is a link out of every root
  std::string refused_message;
};

// One report of a worker, whole. Repeats are harmless.
struct StagedAttempt {  // ended on its worker, and finished tasks of it lie there without their names
  AttemptId attempt;
  PhaseId phase;
  std::vector<TaskIndex> tasks;
};
struct WorkerReported {
  std::string key;           // the CURVE key it proved: its identity
  std::string address = {};  // where it connects from: "10.0.0.7"
  std::uint64_t incarnation = 0, sequence = 0;
  std::optional<Inventory> inventory;
  std::vector<AttemptRunning> running;
  std::vector<TaskFinished> finished;
  std::vector<AttemptEnded> ended;
  std::vector<TasksPublished> published;
  std::vector<PublishFailed> publish_failed;
  std::vector<JobId> discarded;
  std::vector<ManifestWritten> manifests;
  // The publish orders it holds, where it tells; a report that does not leaves it open.
  std::optional<std::vector<TasksPublished>> publishing;
  std::vector<FilesLookedFor> looked_for;
  std::vector<StagedAttempt> staged{};
  bool draining = false;
};

// --- what the shell says ---------------------------------------------------------------------------------------------
struct TimePassed {};        // next_deadline() is due
struct GrantUndeliverable {  // the worker has not got it, and will not
  AttemptId attempt;
  jobs::AttemptError error = jobs::AttemptError::GrantNotSent;  // or GrantInputsUnknown, GrantTooLarge
  std::string message;
};
struct StorageBroke {};  // the disk is full: mutations are refused until StorageRecovered
struct StorageRecovered {};

using Event = std::variant<JobSubmitted, JobChangeRequested, JobsChangeRequested, WorkerChangeRequested,
                           LimitChangeRequested, ShareChangeRequested, WorkerReported, WorkerKeyContested, TimePassed,
                           StorageBroke, StorageRecovered, GrantUndeliverable>;

}  // namespace framemill::scheduler
