#include "worker/core/deaths.h"

#include <fmt/format.h>

#include <array>

namespace framemill::worker {
namespace {

using jobs::Outcome;
using enum KilledBecause;

// The exit statuses are those of wire/executor_exit.h (a core does not see wire; a test holds the two together).
constexpr int kSigKill = 9, kSigBus = 7, kSigAbort = 6, kSigSegv = 11;
constexpr std::array<DeathRow, 19> kTable{{
    // killed, any, exit, signal, memory cap, outcome, code, sentence
    {Stopped, false, kAny, kAny, false, Outcome::Revoked, "worker.stopped", "The worker was stopped."},
    {Drained, false, kAny, kAny, false, Outcome::Revoked, "drain.timeout",
     "The worker drained, and the time limit for windows in flight passed."},
    {None, false, kAny, kAny, true, Outcome::Oom, "executor.host_memory", "The executor exceeded its host memory cap."},
    {None, false, 82, kAny, false, Outcome::Oom, "executor.host_memory", "The executor exceeded its host memory cap."},
    {None, false, 81, kAny, false, Outcome::Oom, "executor.device_memory",
     "The device's memory ran out and the executor could not recover."},
    {None, false, 83, kAny, false, Outcome::Hardware, "executor.hardware", "The device reported a permanent fault."},
    {Hung, false, kAny, kAny, false, Outcome::ExecutorCrashed, "executor.hung",
     "The executor stopped responding and was killed ({})."},
    {StartTimeout, false, kAny, kAny, false, Outcome::NotAdmitted, "executor.start_timeout",
     "The executor did not become ready in time ({})."},
    {BadMessage, false, kAny, kAny, false, Outcome::ExecutorCrashed, "executor.bad_message",
     "The executor sent an unreadable message and was killed ({})."},
    {CancelIgnored, false, kAny, kAny, false, Outcome::ExecutorCrashed, "executor.cancel_ignored",
     "The executor did not stop a cancelled attempt and was killed."},
    {None, false, 85, kAny, false, Outcome::NotAdmitted, "host.processes", "The executor could not start a thread."},
    {None, false, 84, kAny, false, Outcome::NotAdmitted, "executor.protocol",
     "The executor could not read what the worker sent."},
    {None, false, 78, kAny, false, Outcome::NotAdmitted, "executor.configuration",
     "The executor cannot start with its configuration."},
    {None, false, 0, kAny, false, Outcome::ExecutorCrashed, "executor.left",
     "The executor exited with work in progress."},
    {None, false, kAny, kSigKill, false, Outcome::ExecutorCrashed, "executor.killed",
     "The executor was killed (SIGKILL: by an operator, or by the kernel when memory ran out)."},
    {None, false, kAny, kSigSegv, false, Outcome::ExecutorCrashed, "executor.segv",
     "The executor crashed with a segmentation fault (SIGSEGV)."},
    {None, false, kAny, kSigBus, false, Outcome::ExecutorCrashed, "executor.bus",
     "The executor could not read a mapped file or its memory (SIGBUS)."},
    {None, false, kAny, kSigAbort, false, Outcome::ExecutorCrashed, "executor.abort",
     "The executor aborted (SIGABRT)."},
    {None, true, kAny, kAny, false, Outcome::ExecutorCrashed, "executor.died", "The executor died ({})."},
}};

bool matches(const DeathRow& row, const Death& death) {
  return (row.any_killed || row.killed == death.killed) &&
         (row.exit_status == kAny || row.exit_status == death.exit_status) &&
         (row.signal == kAny || row.signal == death.signal) && (!row.needs_memory_cap || death.memory_capped);
}

std::string told(const Death& death) {
  if (!death.detail.empty()) return death.detail;
  return death.signal != 0 ? fmt::format("signal {}", death.signal) : fmt::format("exit status {}", death.exit_status);
}

}  // namespace

std::span<const DeathRow> death_table() {
  return kTable;
}

DeathVerdict judge(const Death& death, std::size_t leases_aboard) {
  if (!death.host_code.empty())
    return {Outcome::NotAdmitted, death.host_code, "The executor could not start: " + told(death) + "."};
  for (const DeathRow& row : kTable) {
    if (!matches(row, death)) continue;
    std::string sentence = fmt::format(fmt::runtime(row.sentence), told(death));
    // An executor that never became ready has seen no task: its death accuses none.
    if (!death.started && row.outcome == Outcome::ExecutorCrashed)
      return {Outcome::NotAdmitted, "executor.cannot_start", "The executor could not start: " + sentence};
    if (leases_aboard > 1) sentence += fmt::format(" {} leases were in progress.", leases_aboard);
    return {row.outcome, std::string(row.code), std::move(sentence)};
  }
  FM_CHECK(false, "the last row of the death table matches everything");
  return {};
}

}  // namespace framemill::worker
