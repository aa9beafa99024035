#include "jobs/lifecycle.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/error_code.h"

namespace framemill::jobs {
namespace {

constexpr std::array<OutcomeRow, kOutcomeCount> kOutcomes{{
    // outcome, code, retryable, charged, evidence, sentence
    {Outcome::Ok, "ok", false, false, false, "Every task is done."},
    {Outcome::Failed, "failed", true, true, false, "The work itself ended with an error."},
    {Outcome::Timeout, "timeout", true, true, false,
     "The attempt ran longer than the layer's timeout and was stopped."},
    {Outcome::BadOutput, "bad_output", true, true, false, "The output is missing or did not pass its checks."},
    {Outcome::ExecutorCrashed, "executor_crashed", true, false, true,
     "The executor died; this counts against a task only if it ran in isolation, and three such deaths quarantine it."},
    {Outcome::Oom, "oom", true, false, false, "The device ran out of memory; the task is retried with more room."},
    {Outcome::WorkerLost, "worker_lost", true, false, false, "The worker went away and its lease ended."},
    {Outcome::StorageFull, "storage_full", true, false, false, "The target storage is full."},
    {Outcome::InputNotVisible, "input_not_visible", true, false, false,
     "A published input could not be seen on the worker's host in time."},
    {Outcome::NotAdmitted, "not_admitted", true, false, false,
     "The executor had no room for the work after all and gave the lease back."},
    {Outcome::Hardware, "hardware", true, false, false, "The device reported a hardware fault."},
    {Outcome::Revoked, "revoked", true, false, false, "The scheduler took the lease back."},
}};

constexpr std::array<RevokeRow, kRevokeReasonCount> kRevokes{{
    // reason, code, sweeps, keeps_finished
    {RevokeReason::Cancelled, "cancelled", false, false},
    {RevokeReason::CommittedByOther, "committed_by_other", false, false},
    {RevokeReason::Unknown, "unknown", true, false},
    {RevokeReason::TakenBack, "taken_back", false, true},
    {RevokeReason::Paused, "paused", false, true},
    {RevokeReason::Expired, "expired", false, false},
    {RevokeReason::NoProgress, "no_progress", false, false},
}};

constexpr base::Names<JobState, 6> kJobStates{{"queued", "running", "paused", "done", "failed", "cancelled"}};
constexpr base::Names<PhaseState, 5> kPhaseStates{{"waiting", "running", "done", "failed", "cancelled"}};
constexpr base::Names<TaskState, kTaskStateCount> kTaskStates{
    {"waiting", "ready", "leased", "committed", "published", "failed", "quarantined", "cancelled"}};
constexpr base::Names<WorkerState, 5> kWorkerStates{{"up", "silent", "draining", "drained", "revoked"}};
constexpr base::Names<HoldKind, kHoldKindCount> kHoldKinds{
    {"pause", "budget", "rights", "gate", "quota", "start_after", "after_job"}};

constexpr std::uint8_t bit(TaskState state) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(state));
}
template <class... States>
constexpr std::uint8_t set_of(States... states) {
  return static_cast<std::uint8_t>((bit(states) | ... | 0));
}

// Row: from; bits: the states it may go to.
constexpr std::array<std::uint8_t, kTaskStateCount> kMoves = [] {
  using enum TaskState;
  std::array<std::uint8_t, kTaskStateCount> moves{};
  const auto row = [&moves](TaskState from) -> std::uint8_t& { return moves[static_cast<std::size_t>(from)]; };
  // A waiting task is leased when the grant also carries the task it waits for (a chain, decode after denoise).
  // A lease that ran out makes its tasks waiting or ready again while its attempt lives on: that attempt may still
  // commit them, or report their failure, from there.
  row(Waiting) = set_of(Ready, Leased, Committed, Failed, Quarantined, Cancelled);
  // A sheet that was ready waits again when a retry reopens what it shows.
  row(Ready) = set_of(Waiting, Leased, Committed, Failed, Quarantined, Cancelled);
  row(Leased) = set_of(Waiting, Ready, Committed, Failed, Quarantined, Cancelled);
  // Publishing rolls forward from the commit record whatever happens to the job; it fails only if another file holds
  // the final name. Where the staged file is gone the commit is withdrawn and the task made again.
  row(Committed) = set_of(Published, Waiting, Ready, Failed);
  row(Published) = 0;
  // `retry`: a task that failed to publish goes back to committed, the others run again.
  row(Failed) = set_of(Waiting, Ready, Committed);
  row(Quarantined) = set_of(Waiting, Ready);
  row(Cancelled) = set_of(Waiting, Ready);
  return moves;
}();

}  // namespace

const OutcomeRow& outcome_row(Outcome outcome) {
  const auto index = static_cast<std::size_t>(outcome);
  FM_CHECK(index < kOutcomes.size() && kOutcomes[index].outcome == outcome, "an outcome outside its table");
  return kOutcomes[index];
}

std::optional<Outcome> outcome_from_code(std::string_view code) {
  for (const OutcomeRow& row : kOutcomes)
    if (row.code == code) return row.outcome;
  return std::nullopt;
}

const RevokeRow& revoke_row(RevokeReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  FM_CHECK(index < kRevokes.size() && kRevokes[index].reason == reason, "a reason outside its table");
  return kRevokes[index];
}

RevokeReason revoke_reason_from_code(std::string_view code) {
  for (const RevokeRow& row : kRevokes)
    if (row.code == code) return row.reason;
  return RevokeReason::Cancelled;
}

std::string_view name(JobState state) {
  return kJobStates.of(state);
}
std::string_view name(PhaseState state) {
  return kPhaseStates.of(state);
}
std::string_view name(TaskState state) {
  return kTaskStates.of(state);
}
std::string_view name(WorkerState state) {
  return kWorkerStates.of(state);
}
std::string_view name(HoldKind kind) {
  return kHoldKinds.of(kind);
}
bool is_wait(HoldKind kind) {
  return kind == HoldKind::StartAfter || kind == HoldKind::AfterJob;
}
std::optional<JobState> job_state_from_name(std::string_view text) {
  return kJobStates.find(text);
}
std::optional<PhaseState> phase_state_from_name(std::string_view text) {
  return kPhaseStates.find(text);
}
std::optional<TaskState> task_state_from_name(std::string_view text) {
  return kTaskStates.find(text);
}
std::optional<WorkerState> worker_state_from_name(std::string_view text) {
  return kWorkerStates.find(text);
}
std::optional<HoldKind> hold_kind_from_name(std::string_view text) {
  return kHoldKinds.find(text);
}

bool may_move(TaskState from, TaskState to) {
  const auto index = static_cast<std::size_t>(from);
  FM_CHECK(index < kMoves.size(), "a task state outside its closed list");
  return (kMoves[index] & bit(to)) != 0;
}

bool is_final(TaskState state) {
  return state == TaskState::Published || state == TaskState::Failed || state == TaskState::Quarantined ||
         state == TaskState::Cancelled;
}

bool is_final(JobState state) {
  return state == JobState::Done || state == JobState::Failed || state == JobState::Cancelled;
}

}  // namespace framemill::jobs
