// Copies of what people ask to see, made on the core's thread and handed to other threads as values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/policy/reason.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/task_states.h"

namespace framemill::scheduler {

// What a person should know beside the state of a job that is not over: it does not go on as it is.
struct Condition {
  enum class Kind : std::uint8_t {
    None,
    Stuck,         // a layer is held: everything that could take it gave its work back again and again
    Blocked,       // work is ready, and no worker could take it as things are
    Starved,       // work is ready, and other work has had all the slots for FarmSettings::starved_after
    Throttled,     // work is ready, and a limit holds it back, whether or not some of it runs
    InputMissing,  // nothing is ready and nothing runs, because files of roots are not there
    Waiting,       // its spec makes it wait for a time or for other jobs; nobody has stopped it
  };
  Kind kind = Kind::None;
  std::string layer, reason;  // reason: a sentence without a full stop
  base::WallTime since;       // not of Blocked: 0
};
std::string_view name(Condition::Kind kind);  // "stuck"; "" for None
std::optional<Condition::Kind> condition_from_name(std::string_view name);

struct LayerView {
  std::uint32_t index = 0;
  std::string name, kind, shot;
  jobs::PhaseState state = jobs::PhaseState::Waiting;
  TaskCounts tasks{};                              // over all its phases
  std::uint64_t frames = 0, frames_published = 0;  // files to write; a movie or a sheet counts one
  std::uint32_t windows = 0, variants = 0;
  std::uint64_t tries_charged = 0;        // ever, as JobView::retries
  std::uint32_t retried = 0, failed = 0;  // tasks: tried again after a bad end; given up
  Condition condition;                    // never Starved
};
struct FailureGroup {  // failures of a job with one code
  std::string code, message;
  std::uint32_t count = 0;
  std::optional<jobs::Frame> first_frame;  // the first that was found bad, else the first of the tasks' own
  std::string layer;
};
struct MissingInputView {  // a file of a root that a task waits for and for nothing else
  std::string layer, root, path;
  jobs::Frame frame = 0;
  std::uint64_t files = 0;  // that tasks of the layer wait for, this one included
  base::WallTime since;
  std::int64_t fails_in_ms = 0;  // while somebody can look
  std::string problem;           // why that time does not count; empty: it does
};
struct RemadeView {                        // a published file that was made again, or is to be
  std::string layer, root, path, outcome;  // open equal same_samples replaced differs failed cancelled
  std::uint32_t variant = 0;
  std::optional<jobs::Frame> frame;  // none: a movie, a sheet
  base::Sha256 recorded, made;       // SHA-256 of the bytes; made: zero where nothing was made yet
};
struct RemakeView {  // a job that makes files of another one again
  JobId job;
  jobs::JobState state = jobs::JobState::Queued;
  Cause cause;  // who asked, when and why
  bool replaces = false;
  std::uint64_t files_count = 0;
  std::vector<RemadeView> files;  // the first kRemadeFilesShown
};
inline constexpr std::size_t kRemadeFilesShown = 64;
inline constexpr std::size_t kRemakesShown = 16;
struct AwaitedView {  // a job that has to be over before this one begins
  JobId job;
  bool any_end = false;                 // also when it fails or is cancelled
  std::optional<jobs::JobState> state;  // none: it has left the memory
};
struct JobView {
  JobId id;
  std::string name, show, sequence, shot, principal;
  std::string share;  // "features/atlas/ana": whom its work is charged to
  std::vector<std::string> tags;
  std::uint32_t version = 0;
  jobs::JobState state = jobs::JobState::Queued;
  Condition condition;
  std::int32_t priority = 0;
  base::WallTime submitted, started, finished;
  base::WallTime deadline;          // 0: none
  bool deadline_at_risk = false;    // it goes before others of its priority that have time (policy/deadline_risk.h)
  std::vector<Hold> holds;          // why nothing of it is granted
  std::vector<AwaitedView> awaits;  // what it still waits for, where its spec says so
  Cause last_change;                // who last did what a person does to it, and why
  JobId remake_of;                  // none: it is no remake
  std::vector<RemakeView> remakes;  // of its files, the newest kRemakesShown; of a remake: itself
  std::vector<LayerView> layers;
  TaskCounts tasks{};
  std::uint64_t frames = 0, frames_published = 0;
  std::vector<FailureGroup> failures;
  std::vector<MissingInputView> missing_inputs;  // one per layer, that which fails first
  std::uint64_t model_loads = 0, attempts = 0;
  std::uint64_t retries = 0;  // tries that were charged: outcomes failed, timeout, bad_output
  std::uint64_t windows_run_twice = 0;
  std::uint64_t device_us = 0;  // load, compute and lost of its attempts
};

// What a job was made from; shared, never changed.
struct PlanView {
  JobId job;
  std::uint32_t version = 0;
  std::shared_ptr<const jobs::JobSpec> spec;
  std::shared_ptr<const jobs::JobPlan> plan;
  std::vector<jobs::PackageFacts> packages;
};

struct SlotActivity {  // one line of the progress display
  std::uint32_t index = 0;
  std::string name;
  bool usable = true;
  std::uint32_t device = 0;                 // index into the worker's devices
  std::vector<base::Sha256> loaded_models;  // as last reported
  struct Lease {
    AttemptId attempt;
    JobId job;
    std::string layer, model;
    std::uint32_t variant = 0;
    TaskRange tasks;
    TaskIndex task = 0;
    std::uint32_t step = 0, steps = 0, batch = 0;
    bool model_warm = false, loading_model = false;
    std::string detail, phase;                  // phase: "denoise", "decode", "command", "encode", "sheet"
    std::shared_ptr<const std::string> output;  // what it has printed so far; null: nothing
  };
  std::vector<Lease> leases;
  std::uint64_t booked_bytes = 0, budget_bytes = 0;
};
struct SetAside {  // a layer of which a worker gets no more
  JobId job;
  std::string layer, reason;
  base::WallTime since;
  std::int64_t next_try_ms = 0;  // until one task of it is tried there
};
struct WorkerView {
  WorkerId id;
  std::string name, key, version;
  std::string address;        // where it connects from; empty: not heard since the start
  std::string other_address;  // of a process that shows its key too and is refused; empty: none lately
  jobs::WorkerState state = jobs::WorkerState::Silent;
  Cause last_change;
  bool quarantined = false;
  std::int64_t silent_ms = 0;
  std::vector<DeviceState> devices;
  std::vector<SlotActivity> slots;
  std::vector<PackageHeld> packages;
  std::vector<RootSeen> roots;
  std::vector<std::string> commands;
  bool media = false;                     // makes movies and sheets
  std::vector<SetAside> set_aside;        // at most 64, the newest jobs first
  std::vector<HostCondition> conditions;  // why slots or roots of it are not usable
  std::string confinement;                // what its children are kept from: "Landlock 7, read-only view"
  jobs::CommandConfinement command_confinement = jobs::CommandConfinement::Unknown;
  base::WallTime drain_at;             // it drains by itself then; 0: no such plan
  Cause drain_planned;                 // who planned that, and why
  std::uint64_t tasks_held = 0;        // leased to it: waiting there or at work
  std::uint64_t tasks_taken_back = 0;  // given to others since it was asked to drain, by this process of the scheduler
};

struct LimitView {
  std::string name;
  bool is_model = false;
  std::uint32_t count = 0, configured = 0, in_use = 0;  // slots
  std::uint64_t waiting = 0;                            // ready tasks of its classes
  std::vector<std::pair<JobId, std::uint32_t>> users;   // with how many slots, at most kLimitUsersShown, the most first
  Cause last_change;                                    // empty: as configured
};
inline constexpr std::size_t kLimitUsersShown = 64;

struct ShareView {   // a node of the tree of shares
  std::string path;  // "features/atlas/ana"
  bool is_user = false;
  double weight = 1;
  std::uint32_t guarantee = 0;  // slots
  std::uint32_t slots_max = 0;  // that may hold its work at once; 0: as many as there are
  double entitled = 0;          // of the farm, 0 to 1, beside the others that have work now
  double used = 0;              // of what the whole farm has used, decayed, 0 to 1
  double used_s = 0;            // weighted device seconds, decayed
  std::uint32_t slots = 0;      // that hold work of it
  std::uint64_t tasks_ready = 0;
  std::string why;    // why its work waits, or that it is next; empty: it has none
  Cause last_change;  // of its weight, guarantee or cap at run time; no principal: as configured
};

// Rows are never changed once they are made, so that threads may share them.
using JobRow = std::shared_ptr<const JobView>;
using WorkerRow = std::shared_ptr<const WorkerView>;
using LimitRows = std::shared_ptr<const std::vector<LimitView>>;  // by name
using ShareRows = std::shared_ptr<const std::vector<ShareView>>;  // a node before those below it, siblings by name

// What is new for those who watch (view_feed.h): rows take the place of those with the same id.
struct ViewChanges {
  std::vector<std::shared_ptr<const PlanView>> made;  // of jobs that were not shown before
  std::vector<JobRow> jobs;
  std::vector<JobId> forgotten;  // no longer in memory; the store has them
  std::vector<WorkerRow> workers;
  LimitRows limits{};  // all of them; null: as before
  ShareRows shares{};  // the same
};

struct SlotReason {  // for a class of slots that answer alike
  Reason reason = Reason::NoWorker;
  std::uint32_t slots = 0;            // how many; 0: of the farm as a whole
  std::vector<std::string> examples;  // "w1/cpu0", at most 4
  std::string because;                // "busy with job 12 boards t3 for about 4 s"
  std::string remedy;                 // what would change it
};
struct ExplainView {
  PhaseId phase;
  TaskIndex task = 0;
  std::string layer;
  std::optional<jobs::Frame> frame;
  jobs::TaskState state = jobs::TaskState::Waiting;
  std::string sentence;             // the whole answer in one line
  std::vector<SlotReason> reasons;  // empty when it runs or is final
  bool can_never_run = false;       // exit status 6: no slot of this farm could ever take it
};

}  // namespace framemill::scheduler
