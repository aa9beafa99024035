// The tables of records: every column once, beside the member that it holds (columns.h). A new column is a line here and
// a migration in schema.cpp. A new record that is one row of one table is a struct here, its name in the lists at the end
// of this file, and a migration; one with rows in several tables also has a put() in BatchWriter and a place in
// read_state().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/core/state/records.h"
#include "scheduler/store/columns.h"
#include "scheduler/store/policy_tables.h"

namespace framemill::scheduler::store {

// Columns that several tables share.
void list_phase(auto& column, auto& phase) {
  column.key("job", phase.job);
  column.key("phase", phase.index);
}
void list_counts(auto& column, auto& counts) {  // tasks per state: "waiting", "ready", ...
  for (std::size_t state = 0; state < counts.size(); ++state)
    column(jobs::name(static_cast<jobs::TaskState>(state)), counts[state]);
}
void list_file(auto& column, auto& file) {
  column("kind", file.kind);
  column("frame", file.frame);
  column("path", file.path);
  column("staged", file.staged);
  column("size_bytes", file.size_bytes);
  column("sha256", file.sha256);
  column("samples_sha256", file.samples_sha256);
}

struct CountersTable {
  using Row = CountersRecord;
  static constexpr std::string_view kName = "counters";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& counters) {
    column.derived("one", [] { return 1; });
    column("last_job", counters.last_job);
    column("last_worker", counters.last_worker);
    column("last_audit", counters.last_audit);
  }
};

struct VersionsTable {
  using Row = VersionRecord;
  static constexpr std::string_view kName = "versions";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& version) {
    column.key("show", version.show);
    column.key("sequence", version.sequence);
    column.key("shot", version.shot);
    column.key("version", version.version);
    column("job", version.job);
  }
};

struct RootsTable {
  using Row = RootRecord;
  static constexpr std::string_view kName = "root_ids";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& root) {
    column.key("name", root.name);
    column("id", root.id);
  }
};

struct TokensTable {
  using Row = SubmitTokenRecord;
  static constexpr std::string_view kName = "submit_tokens";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& token) {
    column.key("principal", token.principal);
    column.key("token", token.token);
    column("body_sha256", token.body);
    column("job", token.job);
  }
};

struct WorkersTable {
  using Row = WorkerRecord;
  static constexpr std::string_view kName = "workers";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& worker) {
    column.key("worker", worker.id);
    column("name", worker.name);
    column("key", worker.key);
    column("drain_requested", worker.drain_requested);
    column("quarantined", worker.quarantined);
    column("revoked", worker.revoked);
    column("blamed_jobs", worker.blamed_jobs);
    column("incarnation", HexDigits{worker.incarnation});
    column("drain_at_ms", worker.drain_at);
    column("drain_planned_by", worker.drain_planned.principal);
    column("drain_planned_ms", worker.drain_planned.time);
    column("drain_reason", worker.drain_planned.reason);
    list_last_change(column, worker.last_change);
  }
};

struct PhaseStatesTable {
  using Row = PhaseRecord;
  static constexpr std::string_view kName = "phase_states";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& phase) {
    list_phase(column, phase.id);
    column("state", phase.state);
    list_counts(column, phase.counts);
    column("device_class", phase.device_class);
    column("attempts", phase.tally.attempts);
    column("tries_charged", phase.tally.tries_charged);
    column("windows_run_twice", phase.tally.windows_run_twice);
    column("model_loads", phase.tally.model_loads);
    column("device_us", phase.tally.device_us);
    column("file_waits", phase.file_waits);
  }
};

struct TroublesTable {
  using Row = TaskTroubleRecord;
  static constexpr std::string_view kName = "troubles";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& trouble) {
    list_phase(column, trouble.phase);
    column.key("task", trouble.task);
    column("charged_tries", trouble.charged_tries);
    column("lone_deaths", trouble.isolated_crashes);
    column("run_alone", trouble.isolate);
    column("uncharged_returns", trouble.uncharged_returns);
    column("last_outcome", trouble.last_outcome);
    column("last_code", trouble.last_code);
    column("last_message", trouble.last_message);
    column("last_attempt", trouble.last_attempt);
    column("last_frame", trouble.last_frame);
    column("failed_on", trouble.failed_on);
    column("run_single", trouble.run_single);
  }
};

// The small row that a change of state touches. The spec and the plan never change.
struct JobsTable {
  using Row = JobRecord;
  static constexpr std::string_view kName = "jobs";
  static constexpr Write kWrite = Write::Update;
  static void list(auto& column, auto& job) {
    column.key("job", job.id);
    column.derived("name", [&]() -> const auto& { return job.spec->name; });
    column.derived("show", [&]() -> const auto& { return job.spec->show; });
    column.derived("sequence", [&]() -> const auto& { return job.spec->sequence; });
    column.derived("shot", [&]() -> const auto& { return job.spec->shot; });
    column.fixed("version", job.version);
    column("state", job.state);
    column("priority", job.priority);
    column.fixed("submitted_by", job.submitted.principal);
    column.fixed("submitted_ms", job.submitted.time);
    column.fixed("submit_reason", job.submitted.reason);
    list_last_change(column, job.last_change);
    column("started_ms", job.started);
    column("finished_ms", job.finished);
    column("swept", job.swept);
    column("stuck", job.stuck);
    column("holds", job.holds);
    column("deadline_ms", job.deadline);
    column("awaits", job.awaits);
  }
};

struct JobDocuments {
  JobId job;
  std::string spec, plan;  // canonical JSON
  std::vector<jobs::PackageFacts> packages;
};
struct JobDocumentsTable {
  using Row = JobDocuments;
  static constexpr std::string_view kName = "job_documents";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& documents) {
    column.key("job", documents.job);
    column.fixed("spec", documents.spec);
    column.fixed("plan", documents.plan);
    column.fixed("packages", documents.packages);
  }
};

// What people join with; a restart reads layers and plans from the documents.
struct LayerRow {
  JobId job;
  std::uint32_t layer = 0;
  std::string_view name;
  jobs::LayerKind kind{};
  std::string_view shot;
};
struct LayersTable {
  using Row = LayerRow;
  static constexpr std::string_view kName = "layers";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& layer) {
    column.key("job", layer.job);
    column.key("layer", layer.layer);
    column.fixed("name", layer.name);
    column.fixed("kind", layer.kind);
    column.fixed("shot", layer.shot);
  }
};

template <class Plan = jobs::PhasePlan>
struct PhasePlanRow {
  PhaseId phase;
  Plan plan;
};
struct PhasePlansTable {
  using Row = PhasePlanRow<>;
  static constexpr std::string_view kName = "phase_plans";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& row) {
    list_phase(column, row.phase);
    column.fixed("layer", row.plan.layer);
    column.fixed("kind", row.plan.kind);
    column.fixed("variant", row.plan.variant);
    column.fixed("seed", row.plan.seed);
    column.fixed("tasks", row.plan.task_count);
  }
};

struct Remake {
  JobId job, of_job;
  bool replaces = false;
};
struct RemakesTable {
  using Row = Remake;
  static constexpr std::string_view kName = "remakes";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& remake) {
    column.key("job", remake.job);
    column.fixed("of_job", remake.of_job);
    column.fixed("replaces", remake.replaces);
  }
};

template <class Page = TaskPageRecord>
struct TaskPageRow {
  Page page;
  std::array<std::uint32_t, jobs::kTaskStateCount> counts{};  // of the states on it
};
struct TaskPagesTable {
  using Row = TaskPageRow<>;
  static constexpr std::string_view kName = "task_pages";
  static constexpr Write kWrite = Write::Update;
  static void list(auto& column, auto& row) {
    list_phase(column, row.page.phase);
    column.key("page", row.page.page);
    list_counts(column, row.counts);
    column("states", row.page.states);
  }
};

// The nonce of the attempt's epoch is not in the row: epoch_known() puts it back.
struct AttemptsTable {
  using Row = AttemptRecord;
  static constexpr std::string_view kName = "attempts";
  static constexpr Write kWrite = Write::Upsert;
  static void list(auto& column, auto& attempt) {
    column.key("epoch", attempt.id.epoch.number);
    column.key("counter", attempt.id.counter);
    column.derived("attempt", [&] { return attempt.id.text(); });
    column.fixed("job", attempt.phase.job);
    column.fixed("phase", attempt.phase.index);
    column("first_task", attempt.tasks.first);
    column("tasks", attempt.tasks.count);
    column("worker", attempt.worker);
    column("slot", attempt.slot);
    column("slot_name", attempt.slot_name);
    column("device_class", attempt.device_class);
    column("granted_ms", attempt.granted);
    column("ended_ms", attempt.ended);
    column("live", attempt.live);
    column("tasks_committed", attempt.tasks_committed);
    column("outcome", attempt.outcome);
    column("code", attempt.code);
    column("message", attempt.message);
    column("load_us", attempt.usage.load_us);
    column("compute_us", attempt.usage.compute_us);
    column("write_us", attempt.usage.write_us);
    column("lost_us", attempt.usage.lost_us);
    column("wall_us", attempt.usage.wall_us);
    column("model_loads", attempt.usage.model_loads);
    column("steps", attempt.usage.steps);
    column("batch_max", attempt.usage.batch_max);
    column("batch_mates", attempt.usage.batch_mates);
    column("peak_bytes", attempt.usage.peak_bytes);
    column("devices", attempt.devices);
    column("batch_sizes", attempt.usage.batch_sizes);
    column("files_written", attempt.files_written);
    column("files_read", attempt.files_read);
  }
};
struct AttemptOutputsTable {  // apart, because few have one and it is long
  using Row = AttemptRecord;
  static constexpr std::string_view kName = "attempt_outputs";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& attempt) {
    column.derived("epoch", [&] { return attempt.id.epoch.number; });
    column.derived("counter", [&] { return attempt.id.counter; });
    column("output_tail", Bytes{attempt.output_tail});
  }
};

// As with attempts, epoch_known() completes the attempt's id.
template <class Commit = CommitRecord>
struct CommitRow {
  Commit commit;  // without its files and reads
  std::uint64_t files = 0, reads = 0;
  std::uint64_t sequence = 0;  // the batch that wrote it
};
struct CommitsTable {
  using Row = CommitRow<>;
  static constexpr std::string_view kName = "commits";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& row) {
    list_phase(column, row.commit.phase);
    column.key("task", row.commit.task);
    column.fixed("epoch", row.commit.attempt.epoch.number);
    column.fixed("counter", row.commit.attempt.counter);
    column.fixed("worker", row.commit.worker);
    column.fixed("time_ms", row.commit.time);
    column.fixed("duration_us", row.commit.duration_us);
    column.fixed("root", row.commit.root);
    column.fixed("device_class", row.commit.device_class);
    column.fixed("files", row.files);
    column.fixed("reads", row.reads);
    column.fixed("sequence", row.sequence);
  }
};

template <class File = FileRecord>
struct CommitFileRow {
  PhaseId phase;
  TaskIndex task = 0;
  std::uint32_t number = 0;
  File file;
};
struct CommitFilesTable {
  using Row = CommitFileRow<>;
  static constexpr std::string_view kName = "commit_files";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& row) {
    list_phase(column, row.phase);
    column.key("task", row.task);
    column.key("number", row.number);
    list_file(column, row.file);
  }
};

template <class Read = ReadRecord>
struct CommitReadRow {
  PhaseId phase;
  TaskIndex task = 0;
  std::uint32_t number = 0;
  Read read;
};
struct CommitReadsTable {
  using Row = CommitReadRow<>;
  static constexpr std::string_view kName = "commit_reads";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& row) {
    list_phase(column, row.phase);
    column.key("task", row.task);
    column.key("number", row.number);
    column("root", row.read.root);
    column("path", row.read.path);
    column("size_bytes", row.read.size_bytes);
    column("sha256", row.read.sha256);
  }
};

struct AuditRow {
  AuditRecord audit;
  std::uint64_t sequence = 0;  // the batch that wrote it
};
struct AuditTable {
  using Row = AuditRow;
  static constexpr std::string_view kName = "audit";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& row) {
    column.key("number", row.audit.sequence);
    column.fixed("principal", row.audit.cause.principal);
    column.fixed("time_ms", row.audit.cause.time);
    column.fixed("reason", row.audit.cause.reason);
    column.fixed("verb", row.audit.verb);
    column.fixed("target", row.audit.target);
    column.fixed("sequence", row.sequence);
  }
};

// A link of the chain (chain.h).
struct BatchRow {
  std::uint64_t sequence = 0;
  base::WallTime time;
  std::uint64_t commits = 0, audits = 0;
  base::Sha256 chain;
};
struct BatchesTable {
  using Row = BatchRow;
  static constexpr std::string_view kName = "batches";
  static constexpr Write kWrite = Write::Once;
  static void list(auto& column, auto& batch) {
    column.key("sequence", batch.sequence);
    column.fixed("time_ms", batch.time);
    column.fixed("commits", batch.commits);
    column.fixed("audits", batch.audits);
    column.fixed("chain", batch.chain);
  }
};

struct RemadeTasksTable {
  using Row = RemakeRecord;  // without its files
  static constexpr std::string_view kName = "remade_tasks";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& remade) {
    list_phase(column, remade.phase);
    column.key("task", remade.task);
    column("of_job", remade.of);
    column("outcome", remade.outcome);
    column("time_ms", remade.time);
  }
};

template <class File = FileRecord>
struct RemadeFileRow {
  PhaseId phase;
  TaskIndex task = 0;
  std::uint32_t number = 0;
  bool is_after = false;  // as it came out; else: as it was on record
  File file;
};
struct RemadeFilesTable {
  using Row = RemadeFileRow<>;
  static constexpr std::string_view kName = "remade_files";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& row) {
    list_phase(column, row.phase);
    column.key("task", row.task);
    column.key("number", row.number);
    column.key("is_after", row.is_after);
    list_file(column, row.file);
  }
};

// Every table of records, for BatchWriter.
using AllTables =
    RowWriters<JobsTable, JobDocumentsTable, LayersTable, PhasePlansTable, RemakesTable, PhaseStatesTable,
               TaskPagesTable, TroublesTable, AttemptsTable, AttemptOutputsTable, WorkersTable, VersionsTable,
               RootsTable, TokensTable, CountersTable, CommitsTable, CommitFilesTable, CommitReadsTable, AuditTable,
               BatchesTable, RemadeTasksTable, RemadeFilesTable, LimitsTable, ShareUsageTable, ShareRulesTable>;

// Those that a restart reads row by row, a record each: whole, and of the jobs that it needs.
template <class... Tables>
struct TableList {};
using FarmTables =
    TableList<CountersTable, VersionsTable, RootsTable, WorkersTable, LimitsTable, ShareUsageTable, ShareRulesTable>;
using JobTables = TableList<PhaseStatesTable, TroublesTable>;

}  // namespace framemill::scheduler::store
