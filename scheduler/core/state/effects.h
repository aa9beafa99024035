// What the shell must do after a turn, as imperative values. Persist goes to the store as one transaction; all the rest
// but grants and drains waits until it is durable (a grant may overtake the disk: an attempt that the store does not know
// after a restart is revoked, uncharged).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/farm_event.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

struct GrantLease {
  WorkerId worker;
  AttemptId attempt;
  PhaseId phase;
  TaskRange tasks;
  std::uint32_t slot = 0;
  base::Duration lease_ttl;
  base::Duration timeout;  // 0: none
  std::uint64_t booking_bytes = 0;
  std::uint32_t batch_max = 1;  // windows of any jobs in one batch with it; 1: runs alone
};
struct RevokeLease {
  WorkerId worker;
  AttemptId attempt;
  jobs::RevokeReason reason = jobs::RevokeReason::Cancelled;
  TaskRange keep;  // TakenBack: what it still holds
};
struct OrderPublish {  // files and staging directories: from the commit records of the tasks
  WorkerId worker;
  AttemptId attempt;  // that committed them; none after a restart: each commit record names its own
  PhaseId phase;
  TaskRange tasks;
};
struct OrderManifest {  // number: into jobs::manifest_groups of the plan
  WorkerId worker;
  JobId job;
  std::uint32_t number = 0;
  std::uint64_t revision = 0;  // published tasks it covers
};
struct WatchedFiles {  // files of one input that a root should have
  PhaseId phase;
  std::uint32_t input = 0;  // index into the layer's inputs
  std::string root, path_printf;
  jobs::FrameSet frames;  // those that are missing
  bool operator==(const WatchedFiles&) const = default;
};
struct WatchFiles {  // all that the worker shall look for from now on, outside its slots
  WorkerId worker;
  std::vector<WatchedFiles> files;
};
struct OrderDiscard {  // the finished job's intermediate files
  WorkerId worker;
  JobId job;
};
struct AcknowledgeReport {  // durable up to this report
  WorkerId worker;
  std::uint64_t incarnation = 0, sequence = 0;
  base::Duration next_report;
  bool drain = false;
  bool send_inventory = false;
  std::string refused;  // non-empty: the worker may not take part, and why
};

struct Submitted {
  JobId job;
  std::uint32_t version = 0;
  bool repeated = false;                // the same token and body came before
  std::vector<std::string> warnings{};  // what no known worker has, layer by layer
};
struct Changed {
  std::uint32_t tasks = 0;  // touched (retry, cancel), or taken back (drain)
  JobId remake{};           // the job that makes them again
};
struct JobsChanged {
  std::uint32_t changed = 0, skipped = 0;  // jobs
};
using AnswerValue = std::variant<Submitted, Changed, JobsChanged>;
struct Answer {
  RequestId request = 0;
  base::Result<AnswerValue> value;
};

// What waits until the turn's records, and those of all turns before it, are durable.
struct Deferred {
  std::vector<RevokeLease> revokes;
  std::vector<OrderPublish> publishes;
  std::vector<OrderManifest> manifests;
  std::vector<OrderDiscard> discards;
  std::vector<AcknowledgeReport> acknowledgements;
  std::vector<Answer> answers;
  std::vector<FarmEvent> happened;

  bool empty() const {
    return revokes.empty() && publishes.empty() && manifests.empty() && discards.empty() && acknowledgements.empty() &&
           answers.empty() && happened.empty();
  }
  void append(Deferred later);
};

struct Effects : Deferred {
  Persist persist;
  // These may overtake the disk.
  std::vector<GrantLease> grants;
  std::vector<WatchFiles> watches;
};

}  // namespace framemill::scheduler
