// The closed lists of states and outcomes, and the tables that say what each means. docs/GLOSSARY.md has the words.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace framemill::jobs {

enum class JobState : std::uint8_t { Queued, Running, Paused, Done, Failed, Cancelled };
enum class PhaseState : std::uint8_t { Waiting, Running, Done, Failed, Cancelled };  // layers have the same
enum class TaskState : std::uint8_t { Waiting, Ready, Leased, Committed, Published, Failed, Quarantined, Cancelled };
inline constexpr int kTaskStateCount = 8;
enum class WorkerState : std::uint8_t { Up, Silent, Draining, Drained, Revoked };

enum class Outcome : std::uint8_t {
  Ok,
  Failed,
  Timeout,
  BadOutput,        // charged to `retries`
  ExecutorCrashed,  // evidence only while alone; quarantine after 3
  Oom,
  WorkerLost,
  StorageFull,
  InputNotVisible,
  NotAdmitted,
  Hardware,
  Revoked  // never charged
};
inline constexpr int kOutcomeCount = 12;

struct OutcomeRow {
  Outcome outcome;
  std::string_view code;  // "executor_crashed"
  bool retryable;
  bool charged;               // counts against the layer's retries
  bool evidence;              // counts toward quarantine when the task was alone
  std::string_view sentence;  // for people
};
const OutcomeRow& outcome_row(Outcome outcome);
std::optional<Outcome> outcome_from_code(std::string_view code);

// Why a job is held: nothing of it is granted until the last of its holds is lifted or over.
enum class HoldKind : std::uint8_t {
  Pause,       // a person wants it so
  Budget,      // what it may cost is spent
  Rights,      // somebody has yet to allow what it uses
  Gate,        // somebody has yet to look at what was made
  Quota,       // its show or person has as much as it may
  StartAfter,  // its spec says when it begins
  AfterJob     // its spec says after which jobs it begins
};
inline constexpr int kHoldKindCount = 7;
// The spec asked for it, and it ends by itself: the job takes its turn later, nobody has stopped it.
bool is_wait(HoldKind kind);

// Why the scheduler takes a lease back. The text of its row is on the wire (farm.proto, Revoke) and in the attempt's
// record.
enum class RevokeReason : std::uint8_t {
  Cancelled,
  CommittedByOther,
  Unknown,    // nothing that waits to be published can lie in its staging directory
  TakenBack,  // all of it or a part: other work comes first
  Paused,
  Expired,
  NoProgress
};
inline constexpr int kRevokeReasonCount = 7;

struct RevokeRow {
  RevokeReason reason;
  std::string_view code;  // "taken_back"
  bool sweeps;            // the worker removes all that the attempt has written, at once
  bool keeps_finished;    // tasks that are nearly done may still be written and committed
};
const RevokeRow& revoke_row(RevokeReason reason);
// A reason that this version does not know (the scheduler is newer) reads as Cancelled: the attempt stops and nothing
// that might still be published is removed.
RevokeReason revoke_reason_from_code(std::string_view code);

std::string_view name(JobState state);  // "running"
std::string_view name(PhaseState state);
std::string_view name(TaskState state);
std::string_view name(WorkerState state);
std::string_view name(HoldKind kind);  // "pause"
std::optional<JobState> job_state_from_name(std::string_view name);
std::optional<PhaseState> phase_state_from_name(std::string_view name);
std::optional<TaskState> task_state_from_name(std::string_view name);
std::optional<WorkerState> worker_state_from_name(std::string_view name);
std::optional<HoldKind> hold_kind_from_name(std::string_view name);

// Which moves a task may make; anything else is a broken invariant.
bool may_move(TaskState from, TaskState to);
bool is_final(TaskState state);  // published, failed, quarantined, cancelled
bool is_final(JobState state);   // done, failed, cancelled

}  // namespace framemill::jobs
