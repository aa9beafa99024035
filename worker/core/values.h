// The words of the worker's core: leases as they were granted, and what is reported back. Pure values. What a recipe
// says is none of the core's affair: finished tasks carry their wire message as opaque bytes, grants stay with the
// shell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/sha256.h"
#include "base/time.h"
#include "jobs/ids.h"
#include "jobs/lifecycle.h"
#include "jobs/phase_kind.h"

namespace framemill::worker {

using jobs::AttemptId;
using jobs::JobId;
using jobs::PhaseId;
using jobs::Runner;
using jobs::TaskIndex;
using jobs::TaskRange;
using SlotIndex = std::uint32_t;

struct Lease {
  AttemptId attempt;
  PhaseId phase;
  TaskRange tasks;
  SlotIndex slot = 0;
  Runner runner = Runner::Executor;
  base::Duration ttl;
  base::Duration timeout;  // 0: none
  base::Sha256 model{};    // root digest of the package that an executor runs
  std::string root;        // that its files go to
};

// Measured facts of an attempt (wire.Usage): times in microseconds of the device, divided over the windows of a batch.
struct Usage {
  std::uint64_t load_us = 0, compute_us = 0, lost_us = 0;  // of the device: their sum is what the attempt cost
  std::uint64_t write_us = 0, wall_us = 0;
  std::uint32_t model_loads = 0, steps = 0, batch_max = 0;
  std::uint64_t peak_bytes = 0;
  std::vector<std::string> batch_mates;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> batch_sizes;  // windows in a batch, calls with so many
  std::string device_class;
  bool operator==(const Usage&) const = default;
};

// --- what is told until it is acknowledged ---------------------------------------------------------------------------
struct FinishedTask {
  AttemptId attempt;
  PhaseId phase;
  TaskIndex task = 0;
  std::uint32_t files = 0;
  std::uint64_t duration_us = 0;  // of the device
  std::string message;            // serialised wire.FinishedTask
};
struct EndedAttempt {
  AttemptId attempt;
  jobs::Outcome outcome = jobs::Outcome::Ok;
  std::string code, text;
  std::optional<std::int32_t> frame;
  bool alone = false;
  std::vector<TaskIndex> failed_tasks;
  Usage usage;
  std::string output_tail;     // at most 16 KiB
  std::string storage_root{};  // of a storage code: the root that failed; empty: that of the outputs
};
struct PublishDuty {
  AttemptId attempt;
  PhaseId phase;
  TaskRange tasks;
  auto operator<=>(const PublishDuty&) const = default;
};
struct PublishedTasks {
  PublishDuty duty;
};
struct PublishFailure {
  PublishDuty duty;
  std::string code, text;
};
struct DiscardedJob {
  JobId job;
};
struct ManifestDuty {
  JobId job;
  std::uint32_t number = 0;
  std::uint64_t revision = 0;
  auto operator<=>(const ManifestDuty&) const = default;
};
struct ManifestResult {
  ManifestDuty duty;
  std::string code, text;  // empty: it is written
};
using ReportItem =
    std::variant<FinishedTask, EndedAttempt, PublishedTasks, PublishFailure, DiscardedJob, ManifestResult>;

// --- what a slot does now --------------------------------------------------------------------------------------------
struct Progress {
  TaskIndex task = 0;
  std::uint32_t step = 0, steps = 0, batch = 0;
  std::uint64_t peak_bytes = 0;
  std::string detail;  // for people
  Usage used;          // up to now
  bool loading_model = false;
};
struct RunningLease {
  AttemptId attempt;
  PhaseId phase;
  TaskRange tasks;
  SlotIndex slot = 0;
  Progress progress;
  bool model_warm = false;
  Usage used;               // what it would record if it ended now
  std::string output;       // what it has printed, where the scheduler may not know it yet
  std::uint64_t moves = 1;  // signs of progress
};

// An attempt that has ended here, and its finished tasks that lie in its staging directory without their names.
struct StagedAttempt {
  AttemptId attempt;
  PhaseId phase;
  std::vector<TaskIndex> tasks;
};

struct Report {
  std::uint64_t sequence = 0;
  bool with_inventory = false;
  std::vector<RunningLease> running;  // all leases it holds, also those that wait
  std::vector<ReportItem> items;
  bool tells_publishing = false;
  std::vector<std::pair<PhaseId, TaskRange>> publishing;  // all publish orders that it holds, when it tells
  std::vector<StagedAttempt> staged;                      // some of those found lately
  bool draining = false;
};

}  // namespace framemill::worker
