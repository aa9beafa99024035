// Everything that can happen to a worker, as past-tense values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "worker/core/deaths.h"
#include "worker/core/values.h"

namespace framemill::worker {

// --- from the scheduler ----------------------------------------------------------------------------------------------
struct RevokedLease {
  AttemptId attempt;
  jobs::RevokeReason reason = jobs::RevokeReason::Cancelled;
  TaskRange keep;  // TakenBack: what it still holds
};
struct RefusedGrant {  // it makes no sense to this worker
  AttemptId attempt;
  std::string code, text;
};
struct ReplyReceived {
  std::uint64_t acked_report = 0;
  bool lease_proof = false;
  bool drain = false;
  bool send_inventory = false;
  base::Duration next_report;
  std::vector<Lease> grants;
  std::vector<RevokedLease> revokes;
  std::vector<PublishDuty> publishes;
  std::vector<JobId> discards;
  std::vector<ManifestDuty> manifests;
  // Exactly the reports that became durable; none: an older scheduler, which means all up to acked_report.
  std::optional<std::vector<std::uint64_t>> acked_reports;
  std::vector<RefusedGrant> refused_grants;
};
struct LinkConnected {};  // perhaps to another scheduler: what was sent before may be lost

// --- from a slot's executor ------------------------------------------------------------------------------------------
struct ExecutorReady {
  SlotIndex slot = 0;
  std::string device_class;
};
struct ExecutorAlive {
  SlotIndex slot = 0;
  std::vector<base::Sha256> loaded_models;
  std::uint64_t peak_bytes = 0;
};
struct AttemptProgressed {
  AttemptId attempt;
  Progress progress;
};
struct AttemptOutput {  // what it has printed up to now, its first and last words: at most 16 KiB of UTF-8
  AttemptId attempt;
  std::string text;
};
struct AttemptMoved {  // a program has used its processors, or its files are being read: it goes on
  AttemptId attempt;
};
struct TaskFinished {
  FinishedTask task;
};
struct AttemptEnded {  // said by the executor, or by the child's runner
  EndedAttempt ended;
};
struct ExecutorDied {
  SlotIndex slot = 0;
  Death death;
  std::string output_tail;
  std::map<AttemptId, std::string> output_tails;  // of attempts that have logs of their own
};

// --- from storage ----------------------------------------------------------------------------------------------------
struct StagingPrepared {
  AttemptId attempt;
  std::optional<jobs::Outcome> failed;  // none: the directory is there
  std::string code, text;
};
struct DutyPublished {
  PublishDuty duty;
  std::string root{};
};
struct DutyFailed {
  PublishDuty duty;
  std::string code, text;
  std::string root{};
};
struct JobDiscarded {
  JobId job;
};
struct ManifestDone {
  ManifestResult result;
};
struct TaskRecovered {  // finished by a former incarnation, found in its staging directory
  FinishedTask task;
};

struct StagingLeft {  // found by a sweep, and not published: others may have made its tasks
  StagedAttempt staged;
};

// --- from the host ---------------------------------------------------------------------------------------------------
struct InventoryChanged {};
// There is news of the files that the scheduler asked to watch; the shell adds it to the report.
struct FilesLookedFor {};
struct StopRequested {};  // the first drains, the second stops now
struct TimePassed {};     // next_deadline() is due

using Event = std::variant<ReplyReceived, LinkConnected, ExecutorReady, ExecutorAlive, AttemptProgressed, AttemptOutput,
                           AttemptMoved, TaskFinished, AttemptEnded, ExecutorDied, StagingPrepared, DutyPublished,
                           DutyFailed, JobDiscarded, ManifestDone, TaskRecovered, StagingLeft, InventoryChanged,
                           FilesLookedFor, StopRequested, TimePassed>;

}  // namespace framemill::worker
